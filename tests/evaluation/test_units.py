"""Detections written in other units."""

import re

import numpy as np
import pytest

from mmeiou.evaluation.units import suspected_units
from mmeiou.functional.wider_ap import FaceImage

# 20 faces of 5 images, far from each other, 30 wide and 40 high.
FACES = np.array([[x, y, x + 30, y + 40] for x in (100.0, 300) for y in (200.0, 400)])


def images(detections, faces=FACES):
    """Five images with the same faces and detections."""
    found = np.array(detections, dtype=np.float64).reshape(-1, 4)
    kept = np.ones((1, len(faces)), dtype=bool)
    return [FaceImage(found, np.ones(len(found)), faces, kept) for _ in range(5)]


def as_xywh(boxes):
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def as_centres(boxes):
    xywh = as_xywh(boxes)
    return np.concatenate([xywh[:, :2] + xywh[:, 2:] / 2, xywh[:, 2:]], axis=1)


def read_as_xywh(boxes):
    """What a reader that takes them for x y w h makes of them."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


@pytest.mark.parametrize(
    "detections",
    [
        FACES,
        FACES + 2,
        FACES[:1],  # a detector that finds a quarter of them
        [*FACES[:1], *(FACES + 1000)],
        [],
    ],
)
def test_right_units(detections):
    assert suspected_units(images(detections)) == ""


def test_images_without_faces():
    assert suspected_units(images(FACES, faces=FACES[:0])) == ""


@pytest.mark.parametrize(
    ("detections", "message"),
    [
        (read_as_xywh(FACES), "taken as x1 y1 x2 y2 in place of x y w h, .* 20$"),
        (read_as_xywh(as_centres(FACES)), "taken as centre x, centre y, width, height, .* 20$"),
        (FACES / 1000, "smaller than a pixel: parts of the image"),
        (as_xywh(FACES), "x2 < x1 or y2 < y1"),
        (FACES + 1000, "are they of these images, in pixels from the left upper corner"),
    ],
)
def test_wrong_units(detections, message):
    sentence = suspected_units(images(detections))
    assert sentence.startswith("0 of 20 faces are overlapped by a detection with an IoU of 0.5; ")
    assert re.search(message, sentence)


def test_one_that_meets_a_face_by_chance_says_nothing_of_the_others():
    wrong = images(read_as_xywh(FACES))[1:]
    sentence = suspected_units([*images(FACES[:1])[:1], *wrong])
    assert sentence.startswith("1 of 20 faces are overlapped")
    assert sentence.endswith("taken as x1 y1 x2 y2 in place of x y w h, they would overlap 16")


def test_a_poor_detector_is_no_other_unit():
    assert suspected_units([*images(FACES[:1])[:1], *images(FACES + 1000)[1:]]) == ""
