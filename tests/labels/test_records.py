"""What records can do: choose of their boxes."""

from pathlib import Path

import numpy as np
import pytest
from record_maker import image

from mmeiou.labels import Detections, ImageLabels, LabelError, LabelSet

BOXES = [[0, 0, 9, 9], [1, 1, 9, 9], [2, 2, 9, 9]]


def made(**fields):
    return image(bboxes=BOXES, labels=[0, 1, 2], ignore=[False, True, False], **fields)


def test_chosen_boxes_keep_everything():
    subsets = np.array([[True, False, True], [True, True, False]])
    chosen = made(subsets=subsets).select(np.array([True, False, True]))
    assert len(chosen) == 2
    assert chosen.bboxes.tolist() == [BOXES[0], BOXES[2]]
    assert chosen.labels.tolist() == [0, 2]
    assert chosen.ignore.tolist() == [False, False]
    assert chosen.keypoints.shape == (2, 0, 3)
    assert chosen.where == ["labels.txt:1", "labels.txt:3"]
    assert chosen.kept.tolist() == [[True, True], [True, False]]


def test_without_subsets_all_boxes_not_to_ignore_are_to_be_found():
    assert made().kept.tolist() == [[True, False, True]]
    assert image().kept.shape == (1, 0)


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (("a", "b", "c"), [0, 1, 2]),
        (("c", "a"), [1, 0]),
        (("b",), [0]),
        ((), []),
    ],
)
def test_classes_are_chosen_and_ordered(classes, labels):
    chosen = LabelSet(Path("x"), [made()], ("a", "b", "c")).with_classes(classes)
    assert chosen.classes == classes
    assert chosen.images[0].labels.tolist() == labels


def test_unknown_class():
    with pytest.raises(ValueError, match=r"tuple.index|not in tuple"):
        LabelSet(Path("x"), [made()], ("a", "b", "c")).with_classes(("d",))


def test_by_key():
    labels = LabelSet(Path("x"), [made(), image("b.jpg")], ("a", "b", "c"))
    found = labels.by_key(str.upper, label=1)
    assert list(found) == ["A.JPG", "B.JPG"]
    assert found["A.JPG"].bboxes.tolist() == [BOXES[1]]
    with pytest.raises(LabelError, match=r"^x: two images are called key"):
        labels.by_key(lambda _: "key")


def test_of_instances():
    instances = [
        {"bbox": [1, 2, 3, 4], "bbox_label": 2, "ignore_flag": 1, "keypoints": [[5, 6, 1]]},
        {"bbox": [2, 2, 3, 4], "bbox_label": 0},
    ]
    found = ImageLabels.of_instances("a.jpg", instances, (9, 8))
    assert (found.file, found.size) == ("a.jpg", (9, 8))
    assert found.bboxes.tolist() == [[1, 2, 3, 4], [2, 2, 3, 4]]
    assert found.labels.tolist() == [2, 0]
    assert found.ignore.tolist() == [True, False]
    assert found.keypoints.shape == (2, 0, 3)
    assert ImageLabels.of_instances("a.jpg", []).bboxes.shape == (0, 4)


def test_length_of_detections():
    assert len(Detections(np.zeros((3, 4)), np.zeros(3))) == 3
