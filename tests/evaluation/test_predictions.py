"""Detections from text files, pickles and the demo's JSON."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from wider_files import write_text

from mmeiou.evaluation.predictions import read_predictions
from mmeiou.labels import LabelError

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
    ((key, found),) = read_predictions(write(tmp_path)).items()
    assert key == "0--Parade/one"
    np.testing.assert_array_equal(found.bboxes, [BOX])
    np.testing.assert_array_equal(found.scores, [SCORE])


def test_images_without_folder_or_faces(tmp_path: Path) -> None:
    file = tmp_path / "faces.json"
    file.write_text(json.dumps([{"image": "one.jpg", "faces": []}]))
    found = read_predictions(file)
    assert found["one"].bboxes.shape == (0, 4)


def sample(**fields):
    predicted = {"bboxes": torch.tensor([BOX]), "scores": torch.tensor([SCORE])}
    return {"img_path": "0--Parade/one.jpg", "pred_instances": {**predicted, **fields}}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", "{", r"a\.json:1: not JSON"),
        ("a.json", "{}", r"a\.json: the file: {}, expected a list"),
        ("a.json", "[7]", r"a\.json: \[0\]: an entry: 7, expected an object"),
        ("a.json", '[{"frame": 0, "faces": []}]', r"a\.json: \[0\]: image: None, expected the pa"),
        ("a.json", '[{"image": "a.jpg"}]', r"a\.json: \[0\]: faces: None, expected a list"),
        (
            "a.json",
            '[{"image": "../a.jpg", "faces": []}]',
            r"\[0\]: image: '../a.jpg' does not lie",
        ),
        (
            "a.json",
            '[{"image": "a.jpg", "faces": []}, {"image": "a.png", "faces": []}]',
            r"a\.json: \[1\]: image: a second one is called a",
        ),
        (
            "a.json",
            '[{"image": "a.jpg", "faces": [{"box": [1, 2, NaN, 4], "score": 1}]}]',
            r"a\.json: \[0\]: faces\[0\] box: nan, expected a finite number",
        ),
        (
            "a.json",
            '[{"image": "a.jpg", "faces": [{"box": [1, 2, 3, 4]}]}]',
            r"a\.json: \[0\]: faces\[0\] score: None, expected a number",
        ),
        ("c.pkl", b"", r"predictions .*c\.pkl: not written by tools/test.py --out \(EOFError"),
        ("c.pkl", pickle.dumps({"a": 1}), r"c\.pkl: not written by tools/test.py --out"),
        ("c.pkl", pickle.dumps([{"img_path": "a"}]), r"c\.pkl: not written .*pred_instances"),
        ("c.pkl", pickle.dumps([sample(bboxes=[[1, 2, 3]])]), r"c\.pkl: not written .*scores"),
        ("c.pkl", pickle.dumps([sample(scores=[np.nan])]), r"c\.pkl: not written .*not finite"),
        ("c.pkl", pickle.dumps([sample()] * 2), r"c\.pkl: two images have the same folder and n"),
        ("d.txt", "", r"predictions .*d\.txt: expected a folder of <event>"),
    ],
)
def test_other_files_are_refused(name, content, message, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(LabelError, match=message):
        read_predictions(file)


class Caller:
    """Pickled, it calls something when it is read."""

    def __init__(self, function, *arguments) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("function", [eval, print, np.fromfile, torch.load, __import__])
def test_pickles_that_call_anything_are_refused(function, tmp_path: Path) -> None:
    file = tmp_path / "found.pkl"
    file.write_bytes(pickle.dumps([sample(labels=Caller(function, str(tmp_path / "x")))]))
    with pytest.raises(LabelError, match=r"found\.pkl: not written .*it would call"):
        read_predictions(file)


def test_a_class_is_chosen(tmp_path: Path) -> None:
    (found,) = read_predictions(as_pickle(tmp_path), label=1).values()
    assert found.bboxes.tolist() == [[0, 0, 5, 5]]
    file = as_json(tmp_path)
    assert [len(found) for found in read_predictions(file, label=1).values()] == [0]


@pytest.mark.parametrize("name", ["gone.pkl", "gone.json", "gone"])
def test_missing_files_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"predictions .*{name} not found"):
        read_predictions(tmp_path / name)
