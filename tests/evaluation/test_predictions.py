"""Detections from text files, pickles and the demo's JSON; labels from .mat, text and configs."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_faces import NUM_VAL, write_tiny_faces
from wider_files import write_ground_truth, write_text

from mmeiou.evaluation.detection_files import read_detections
from mmeiou.evaluation.label_files import read_labels

BOX, SCORE = [10.0, 20.0, 40.0, 60.0], 0.5


def as_text(folder: Path) -> Path:
    write_text(folder / "text", "0--Parade/one", "10 20 30 40 0.5")
    return folder / "text"


def as_pickle(folder: Path) -> Path:
    """As DumpDetResults leaves them; the second detection is of another class."""
    predicted = {
        "bboxes": torch.tensor([BOX, [0, 0, 5, 5]]),
        "scores": torch.tensor([SCORE, 0.9]),
        "labels": torch.tensor([0, 1]),
    }
    file = folder / "found.pkl"
    file.write_bytes(
        pickle.dumps([{"img_path": "a/images/0--Parade/one.jpg", "pred_instances": predicted}])
    )
    return file


def as_json(folder: Path) -> Path:
    file = folder / "faces.json"
    faces = [{"box": BOX, "score": SCORE, "landmarks": []}]
    file.write_text(json.dumps([{"image": "0--Parade/one.jpg", "faces": faces}]))
    return file


@pytest.mark.parametrize("write", [as_text, as_pickle, as_json])
def test_the_same_from_each_source(write, tmp_path: Path) -> None:
    ((key, found),) = read_detections(write(tmp_path)).items()
    assert key == "0--Parade/one"
    np.testing.assert_array_equal(found.boxes, [BOX])
    np.testing.assert_array_equal(found.scores, [SCORE])


def test_images_without_folder_or_faces(tmp_path: Path) -> None:
    file = tmp_path / "faces.json"
    file.write_text(json.dumps([{"image": "one.jpg", "faces": []}]))
    found = read_detections(file)
    assert found["one"].boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", r"a\.json: not written by this project"),
        ("b.json", '[{"frame": 0, "faces": []}]', r"b\.json: not written.*image"),
        ("c.pkl", b"", r"c\.pkl: not written"),
        ("d.txt", "", r"d\.txt: expected a folder of <event>"),
    ],
)
def test_other_files_are_refused(name, content, message, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=message):
        read_detections(file)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"predictions .*gone\.pkl not found"):
        read_detections(tmp_path / "gone.pkl")
    with pytest.raises(FileNotFoundError, match=r"labels .*gone\.txt not found"):
        read_labels(tmp_path / "gone.txt")


def test_labels_of_the_benchmark(tmp_path: Path) -> None:
    labels = read_labels(write_ground_truth(tmp_path / "gt"))
    assert labels.subsets == ("easy", "medium", "hard")
    assert labels.files["9--Press/one"] == Path("9--Press/one.jpg")
    assert labels.faces["9--Press/one"].kept.tolist() == [[False], [True], [True]]


def test_labels_of_a_file_and_of_a_config_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tiny_faces(tmp_path / "faces")
    monkeypatch.setenv("MMEIOU_SAMPLE_FACES", f"{root}/")
    of_file = read_labels(root / "labelv2/val/labelv2.txt")
    of_config = read_labels(Path("yunet-n_1xb16-quickstart_sample-faces.py"))  # a shipped one
    assert of_file.subsets == of_config.subsets == ("all",)
    assert len(of_file.faces) == NUM_VAL
    for key, faces in of_file.faces.items():
        np.testing.assert_allclose(of_config.faces[key].boxes, faces.boxes, atol=1e-4)
        assert of_config.faces[key].kept.tolist() == faces.kept.tolist() == [[True]]
        assert of_config.files[key] == root / "WIDER_val/images" / of_file.files[key]


def test_names_that_stand_twice_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "labelv2.txt"
    file.write_text("# 0--A/x.jpg 9 9\n1 1 3 3\n# 0--A/x.png 9 9\n1 1 3 3\n")
    with pytest.raises(ValueError, match="two images are called 0--A/x"):
        read_labels(file)
