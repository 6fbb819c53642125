"""LABELS of the tools of tools/analysis."""

from pathlib import Path

import numpy as np
import pytest
from tiny_faces import NUM_VAL
from wider_files import write_ground_truth

from mmeiou.labels.image_files import image_key


@pytest.fixture
def labels_from(import_tool):
    return import_tool("labels_argument").labels_from


def test_labels_of_a_file_and_of_a_config_are_the_same(labels_from, tiny, config) -> None:
    of_file, of_config = labels_from(tiny / "labelv2/val/labelv2.txt"), labels_from(config)
    assert of_file.subsets == of_config.subsets == ("all",)
    assert len(of_file) == len(of_config) == NUM_VAL
    faces = of_config.by_key(image_key)
    for key, image in of_file.by_key(image_key).items():
        np.testing.assert_allclose(faces[key].bboxes, image.bboxes, atol=1e-4)
        assert faces[key].kept.tolist() == image.kept.tolist() == [[True]]
        assert Path(faces[key].file) == tiny / "WIDER_val/images" / image.file


def test_labels_of_the_benchmark(labels_from, tmp_path) -> None:
    labels = labels_from(write_ground_truth(tmp_path / "gt"))
    assert labels.subsets == ("easy", "medium", "hard")
    one = labels.by_key(image_key)["9--Press/one"]
    assert one.file == "9--Press/one.jpg"
    assert one.kept.tolist() == [[False], [True], [True]]


def test_labels_in_parts_of_an_image_need_the_images(labels_from, tiny, tmp_path, capsys) -> None:
    images = tiny / "WIDER_val/images/0--Squares"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/classes.txt").write_text("face\nmask\n")
    (tmp_path / "labels/0_Squares_0.txt").write_text("1 0.5 0.5 0.5 0.25\n")
    with pytest.raises(ValueError, match="needs the folder of the images"):
        labels_from(tmp_path / "labels")
    labels = labels_from(tmp_path / "labels", images)
    assert labels.images[0].bboxes.tolist() == [[24, 36, 72, 60]]
    assert "of the classes face, mask the first counts" in capsys.readouterr().err


def test_nothing_there(labels_from, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"labels .*gone.txt not found"):
        labels_from(tmp_path / "gone.txt")
    with pytest.raises((FileNotFoundError, ValueError), match=r"gone.py"):
        labels_from(tmp_path / "gone.py")
