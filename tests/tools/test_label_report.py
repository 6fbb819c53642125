"""Summing up a set of labels."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mmeiou.labels import ImageLabels, LabelSet


@pytest.fixture
def report(repo: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repo / "tools/dataset_converters"))
    import label_report  # noqa: PLC0415

    return label_report


def image(*boxes, classes=(), ignore=(), points=()):
    """An image of 100 x 100 pixels; of each box its one landmark is labelled or not."""
    count = len(boxes)
    keypoints = np.zeros((count, 1, 3))
    keypoints[:, 0, 2] = points or [0] * count
    return ImageLabels(
        "a.jpg",
        (100, 100),
        bboxes=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        labels=np.array(classes or [0] * count, dtype=np.int64),
        ignore=np.array(ignore or [False] * count),
        keypoints=keypoints,
    )


def test_summary(report):
    boxes = [(-1, 0, 10, 10), (0, 0, 10, 101), (0, 0, 10, 10)]
    images = [
        image(*boxes, classes=[0, 1, 0], ignore=[False, True, False], points=[2, 0, 1]),
        image(),
        image(),
    ]
    labels = LabelSet(Path("x"), images, ("face", "mask"), ("nose",))
    text = report.describe(labels, {"boxes too odd, left out": 4})
    rows = [line.split(maxsplit=1) for line in text.splitlines()]
    assert {name: int(count) for count, name in rows} == {
        "images": 3,
        "without a box": 2,
        "boxes": 3,
        "face": 2,
        "mask": 1,
        "with landmarks": 2,
        "to ignore": 1,
        "reaching beyond their image": 2,
        "boxes too odd, left out": 4,
    }


@pytest.mark.parametrize(
    ("box", "beyond"),
    [
        ((0, 0, 100, 100), 0),
        ((-0.5, -0.5, 100.5, 100.5), 0),  # rounding
        ((-0.6, 0, 9, 9), 1),
        ((0, -0.6, 9, 9), 1),
        ((0, 0, 100.6, 9), 1),
        ((0, 0, 9, 100.6), 1),
    ],
)
def test_reaching_beyond(report, box, beyond):
    text = report.describe(LabelSet(Path("x"), [image(box)]), {})
    assert f"{beyond:8}    reaching beyond their image" in text


def test_classes_without_a_box_are_said(report):
    labels = LabelSet(Path("x"), [image((0, 0, 9, 9), classes=[1])], ("a cat", "a face", "b"))
    said = report.describe(labels, {}).splitlines()[-2:]
    assert said == [
        "no box is of the class a cat; --classes 'a face' leaves it out",
        "no box is of the class b; --classes 'a face' leaves it out",
    ]


def test_sets_without_boxes_or_landmarks(report):
    text = report.describe(LabelSet(Path("x"), [image()]), {})
    assert "       1    without a box" in text
    assert "       0    with landmarks" in text
