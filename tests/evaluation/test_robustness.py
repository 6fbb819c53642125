"""Quality on spoilt pictures, of detectors made up so that it is known."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmeiou.corruptions import CORRUPTIONS, corrupt, rng_of
from mmeiou.evaluation.robustness import (
    ANGLES,
    UNITS,
    Condition,
    Picture,
    all_conditions,
    measure,
    resized,
    spoilt,
)
from mmeiou.labels import ImageLabels

CLEAN = Condition("none", 0)


def picture(name="a.png", *, landmarks=2):
    """A bright face of 40 x 40 in 160 x 120, with eyes 20 apart, and a place to ignore."""
    pixels = np.full((120, 160, 3), 40, np.uint8)
    pixels[20:60, 100:140] = 220
    keypoints = np.zeros((2, landmarks, 3))
    keypoints[0] = np.array([[110, 30, 2], [130, 30, 2]])[:landmarks]
    labels = ImageLabels(
        name,
        (160, 120),
        bboxes=np.array([[100.0, 20, 140, 60], [0, 0, 20, 20]]),
        labels=np.zeros(2, np.int64),
        ignore=np.array([False, True]),
        keypoints=keypoints,
        where=["", ""],
    )
    return Picture(pixels, labels)


def finder(pixels):
    """Finds what is bright, and its eyes if it is upright."""
    rows, columns = np.nonzero(pixels[..., 0] > 170)
    if not len(rows):
        empty = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        return SimpleNamespace(
            boxes=empty[0], scores=empty[1], landmarks=np.zeros((0, 2, 2), np.float32)
        )
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    eyes = [[left + 10, top + 10], [right - 10, top + 12]]
    return SimpleNamespace(
        boxes=np.array([[left, top, right, bottom]], np.float32),
        scores=np.array([0.9], np.float32),
        landmarks=np.array([eyes], np.float32),
    )


def test_by_hand_on_clean_pictures():
    (quality,) = measure([finder], [picture("a"), picture("b")], CLEAN)
    assert quality.ap == {"all": pytest.approx(1, abs=1e-3)}
    assert quality.found == 1
    # one of two eyes is off by 2 of 20 pixels
    assert quality.nme == pytest.approx(0.05)


def test_darkness_hides_the_face_from_one_detector_alone():
    conditions = Condition("darkness", 0.5)

    def keen(pixels):
        return finder(np.where(pixels > 100, 255, 0))

    blind, sees = measure([finder, keen], [picture()], conditions)
    assert (blind.ap["all"], blind.found) == (0, 0)
    assert np.isnan(blind.nme)
    assert sees.ap["all"] == pytest.approx(1, abs=1e-3)


def test_without_landmarks_there_is_ap_alone():
    (quality,) = measure([finder], [picture(landmarks=0)], CLEAN)
    assert quality.ap["all"] == pytest.approx(1, abs=1e-3)
    assert np.isnan(quality.found)
    assert np.isnan(quality.nme)


@pytest.mark.parametrize("angle", ANGLES)
def test_turned_labels_lie_on_turned_pixels(angle):
    turned = spoilt(picture(), Condition("rotation", angle))
    rows, columns = np.nonzero(turned.pixels[..., 0] > 170)
    centre = np.array([columns.mean(), rows.mean()]) + 0.5
    box = turned.labels.bboxes[0]
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, centre, atol=0.5)
    assert turned.labels.size == turned.pixels.shape[1::-1]
    eyes = turned.labels.keypoints[0]
    assert np.linalg.norm(eyes[0, :2] - eyes[1, :2]) == pytest.approx(20)
    # both 10 below the upper edge, whose middle is 20 above the centre
    assert np.linalg.norm(eyes[:, :2].mean(axis=0) - centre) == pytest.approx(10, abs=0.5)
    assert (turned.labels.keypoints[1] == 0).all()


def test_pictures_turn_to_both_sides():
    eyes = [
        spoilt(picture(str(index)), Condition("rotation", 30)).labels.keypoints[0, :, 1]
        for index in range(12)
    ]
    assert {bool(right > left) for right, left in eyes} == {True, False}


@pytest.mark.parametrize("condition", all_conditions(), ids=str)
def test_pixels_follow_from_name_and_condition(condition):
    first, again = (spoilt(picture(), condition) for _ in range(2))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    if condition.corruption in CORRUPTIONS:
        rng = rng_of("a.png", condition.corruption, float(condition.strength))
        expected = corrupt(picture().pixels, *condition, rng)
        np.testing.assert_array_equal(first.pixels, expected)
        np.testing.assert_array_equal(first.labels.bboxes, picture().labels.bboxes)


def test_other_names_see_other_noise():
    condition = Condition("noise", 20)
    first, other = (spoilt(picture(name), condition).pixels for name in "ab")
    assert not np.array_equal(first, other)


def test_conditions_are_all_corruptions_once():
    conditions = all_conditions()
    assert conditions[0] == CLEAN
    assert len(set(conditions)) == len(conditions) == 38
    assert {one.corruption for one in conditions} == set(UNITS)


def test_resized_with_its_labels():
    small = resized(picture(), 80)
    assert small.pixels.shape == (60, 80, 3)
    assert small.labels.size == (80, 60)
    np.testing.assert_allclose(small.labels.bboxes[0], [50, 10, 70, 30])
    np.testing.assert_allclose(small.labels.keypoints[0], [[55, 15, 2], [65, 15, 2]])
    same = picture()
    assert resized(same, 0) is same
    assert resized(same, 160) is same


def test_unknown_corruptions_are_refused():
    with pytest.raises(ValueError, match="no corruption 'fog'"):
        measure([finder], [picture()], Condition("fog", 1))
