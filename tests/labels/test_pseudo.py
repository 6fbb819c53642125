"""Detections that become faces, regions to ignore, or nothing."""

import numpy as np
import pytest

from mmeiou.labels import LabelError
from mmeiou.labels.pseudo import Rule, pseudo_labels, unlabelled

SIZE = (100, 80)
BOXES = np.array(
    [
        [10, 10, 30, 40],  # sure
        [40, 10, 60, 30],  # doubtful
        [70, 10, 90, 30],  # below
        [40, 50, 49, 70],  # sure, but 9 pixels wide
        [-5, 60, 20, 90],  # sure, reaches beyond the image
        [101, 10, 120, 30],  # sure, outside of it
    ],
    dtype=np.float32,
)
SCORES = np.array([0.9, 0.3, 0.1, 0.8, 0.5, 0.9], dtype=np.float32)


def label(rule: Rule):
    landmarks = BOXES.reshape(-1, 2, 2)  # the corners
    return pseudo_labels("a.jpg", SIZE, BOXES, SCORES, landmarks, np.arange(6), rule)


def test_two_thresholds_and_a_size() -> None:
    found = label(Rule(sure=0.5, doubtful=0.2, min_size=10))
    assert found.bboxes.tolist() == [
        [10, 10, 30, 40],
        [40, 10, 60, 30],
        [40, 50, 49, 70],
        [0, 60, 20, 80],
    ]
    assert found.ignore.tolist() == [False, True, True, False]
    assert found.labels.tolist() == [0, 1, 3, 4]
    assert found.keypoints.tolist() == [
        [[10, 10, 2], [30, 40, 2]],
        [[0, 0, 0]] * 2,
        [[0, 0, 0]] * 2,
        [[-5, 60, 1], [20, 90, 1]],  # outside the image: occluded
    ]


def test_thresholds_that_are_equal_leave_nothing_doubtful() -> None:
    found = label(Rule(sure=0.3, doubtful=0.3))
    assert not found.ignore.any()
    assert len(found) == 4


def test_nothing_found() -> None:
    nothing = np.zeros((0, 4), np.float32)
    found = pseudo_labels(
        "a.jpg", SIZE, nothing, SCORES[:0], np.zeros((0, 5, 2)), np.arange(0), Rule()
    )
    assert (len(found), found.keypoints.shape) == (0, (0, 5, 3))


@pytest.mark.parametrize("options", [(0.2, 0.5), (0.5, 0.0), (1.5, 0.2), (0.5, float("nan"))])
def test_thresholds_out_of_order(options: tuple[float, float]) -> None:
    with pytest.raises(LabelError, match="expected 0 < doubtful <= sure <= 1"):
        Rule(*options)
    with pytest.raises(LabelError, match="expected 0 or more"):
        Rule(min_size=-1)


def test_an_unlabelled_image_is_one_region_to_ignore() -> None:
    found = unlabelled("a.jpg", SIZE, 5)
    assert found.bboxes.tolist() == [[0, 0, 100, 80]]
    assert found.ignore.all()
    assert not found.keypoints.any()
