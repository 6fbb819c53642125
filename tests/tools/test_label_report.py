"""Splitting and summing up."""

import pytest

from mmeiou.converters.labels import LabelledBox, LabelledImage, LabelSet, Point, flip_pairs_by_name
from mmeiou.converters.problems import ConversionError
from mmeiou.converters.report import describe, split


def made(number):
    images = [LabelledImage(f"{i}.jpg", 100, 100) for i in range(number)]
    return LabelSet(("face",), ("nose",), None, images)


def test_split_is_the_same_every_time():
    labels = made(10)
    training, validation = split(labels, 0.25, seed=0)
    assert len(validation.images) == 2
    assert training.images + validation.images != labels.images
    assert sorted(training.images + validation.images, key=lambda i: i.file) == labels.images
    assert split(labels, 0.25, seed=0) == (training, validation)
    assert split(labels, 0.25, seed=1) != (training, validation)
    assert len(split(labels, 0.01, seed=0)[1].images) == 1


def test_too_few_to_split():
    with pytest.raises(ConversionError, match="1 images are too few"):
        split(made(1), 0.5, seed=0)


def test_summary():
    labels = made(3)
    labels.images[0].boxes.extend(
        [
            LabelledBox("", "face", (-1, 0, 10, 10), {"nose": Point(1, 1)}),
            LabelledBox("", "mask", (0, 0, 10, 101), ignore=True),
            LabelledBox("", "face", (0, 0, 10, 10)),
        ]
    )
    rows = [line.split(maxsplit=1) for line in describe(labels, {"too odd": 4}, 1).splitlines()]
    assert {name.strip(): int(count) for count, name in rows} == {
        "images": 3,
        "without a box": 2,
        "turned upright by EXIF": 1,
        "boxes": 3,
        "face": 2,
        "mask": 1,
        "with landmarks": 1,
        "to ignore": 1,
        "reaching beyond their image": 2,
        "left out, too odd": 4,
    }


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["right_eye", "left_eye", "nose"], ((0, 1),)),
        (["LeftEye", "RightEye"], ((0, 1),)),
        (["left_eye", "nose"], None),
        (["p0", "p1"], None),
    ],
)
def test_pairs_by_name(names, pairs):
    found = flip_pairs_by_name(names)
    assert found == pairs
