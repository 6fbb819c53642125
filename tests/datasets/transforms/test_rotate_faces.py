"""Turned samples: against quarter turns by hand, and a drawing of the labels that is turned."""

import numpy as np
import pytest

from mmeiou.datasets.transforms import RandomRotate
from mmeiou.functional.rotation import rotation

BOXES = [[60, 20, 100, 60], [110, 50, 130, 90]]


def turned(results, angle, **options):
    """By exactly that angle: the draw of the turn is 0, that of the angle the upper end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "random", lambda _: np.array([0.0, 1.0]))
        return RandomRotate(max_angle=angle, prob=1.0, **options)(results)


def test_half_a_turn_by_hand(face_results):
    results = turned(face_results(boxes=[[10, 20, 50, 60]]), 180)
    np.testing.assert_allclose(results["gt_bboxes"].numpy(), [[150, 40, 190, 80]], atol=1e-4)
    # landmark j was at (10 + j, 20 + 2j) of 200 x 100 px; a turned eye is the same eye
    expected = [[190 - j, 80 - 2 * j, 1] for j in range(5)]
    np.testing.assert_allclose(results["gt_keypoints"][0], expected, atol=1e-4)
    assert results["gt_keypoints"].dtype == np.float32
    assert results["img"][0, 0, 0] == 199  # column x held the value x
    assert results["img"].shape == (100, 200, 3)


def test_a_quarter_turn_of_a_square_by_hand(face_results):
    results = turned(face_results(height=100, width=100, boxes=[[10, 20, 30, 60]]), 90)
    # (x, y) goes to (y, 100 - x)
    np.testing.assert_allclose(results["gt_bboxes"].numpy(), [[20, 70, 60, 90]], atol=1e-4)
    expected = [[20 + 2 * j, 90 - j, 1] for j in range(5)]
    np.testing.assert_allclose(results["gt_keypoints"][0], expected, atol=1e-4)


@pytest.mark.parametrize("angle", [5, 20, 45])
def test_labels_stay_on_their_pixels(face_results, angle):
    """Oracle: a disk in the box, and a dot for the landmark, drawn before the turn."""
    results = face_results(height=240, width=240, boxes=[[100, 60, 140, 140]], num_keypoints=1)
    y, x = np.indices((240, 240)) + 0.5
    disk = ((x - 120) / 20) ** 2 + ((y - 100) / 40) ** 2 < 1
    results["img"] = np.where(disk, 255, 0)[..., None].repeat(3, 2).astype(np.uint8)
    results["img"][98:103, 108:113, 1] = 0
    results["gt_keypoints"][0, 0] = [110.5, 100.5, 1]
    out = turned(results, angle, pad_value=0)
    row, column = np.nonzero(out["img"][..., 0] > 127)
    found = [column.min(), row.min(), column.max() + 1, row.max() + 1]
    np.testing.assert_allclose(out["gt_bboxes"].numpy()[0], found, atol=1.5)
    hole = (out["img"][..., 0] > 127) & (out["img"][..., 1] < 128)
    row, column = np.nonzero(hole)
    centre = (column.mean() + 0.5, row.mean() + 0.5)
    np.testing.assert_allclose(out["gt_keypoints"][0, 0, :2], centre, atol=0.5)


def test_a_face_whose_centre_leaves_is_dropped_whole(face_results):
    # by 90 degrees a picture of 200 x 100 keeps what was in its middle 100 columns
    results = turned(face_results(boxes=[*BOXES, [10, 20, 50, 60]]), 90)
    assert results["gt_bboxes_labels"].tolist() == [0, 1]
    assert [len(results[key]) for key in ("gt_bboxes", "gt_keypoints", "gt_ignore_flags")] == [
        2
    ] * 3


def test_regions_to_ignore_stay_as_far_as_they_are_shown(face_results):
    """Their corners decide; one whose centre is outside is clipped, one outside is gone."""
    boxes = [[60, 20, 100, 60], [20, 20, 60, 60], [0, 0, 20, 20]]
    results = face_results(boxes=boxes)
    results["gt_ignore_flags"][1:] = True
    out = turned(results, 90)
    assert out["gt_ignore_flags"].tolist() == [False, True]
    # (x, y) goes to (50 + y, 150 - x); x from 20 to 60 gives y from 90 to 130, of 100
    np.testing.assert_allclose(out["gt_bboxes"].numpy()[1], [70, 90, 110, 100], atol=1e-4)
    results = face_results(boxes=[[90, 40, 110, 60]])
    results["gt_ignore_flags"][:] = True
    left, _, right, _ = turned(results, 45)["gt_bboxes"].numpy()[0]
    assert right - left == pytest.approx(20 * np.sqrt(2), abs=1e-3)


def test_landmarks_outside_keep_their_place_and_unlabelled_ones_the_origin(face_results):
    results = face_results(boxes=[[60, 20, 100, 60]])
    results["gt_keypoints"][0, 0] = [-30, 40, 1]
    results["gt_keypoints"][0, 1] = 0
    out = turned(results, 180)["gt_keypoints"][0]
    np.testing.assert_allclose(out[:2], [[230, 60, 1], [0, 0, 0]], atol=1e-4)


def test_the_homography_is_that_of_the_pixels(face_results):
    results = turned(face_results(boxes=BOXES) | {"homography_matrix": np.eye(3) * [2, 2, 1]}, 30)
    matrix, _ = rotation(30, (200, 100))
    expected = np.concatenate([matrix, [[0, 0, 1]]]) @ np.diag([2, 2, 1])
    np.testing.assert_allclose(results["homography_matrix"], expected, rtol=1e-5)


def test_angles_are_uniform_and_as_many_are_drawn_without_a_turn(face_results):
    np.random.seed(0)  # noqa: NPY002 - what MMEngine seeds
    angles = []
    for _ in range(300):
        out = RandomRotate(max_angle=30, prob=0.5)(face_results())
        if "homography_matrix" in out:
            matrix = out["homography_matrix"]
            angles.append(np.rad2deg(np.arctan2(matrix[0, 1], matrix[0, 0])))
    assert 120 < len(angles) < 180
    assert (min(angles), max(angles)) == pytest.approx((-30, 30), abs=1)
    assert np.mean(np.abs(angles)) == pytest.approx(15, abs=1.5)
    after = []
    for prob in (0.0, 1.0):
        np.random.seed(0)  # noqa: NPY002
        RandomRotate(prob=prob)(face_results())
        after.append(np.random.random())  # noqa: NPY002
    assert after[0] == after[1]


def test_without_landmarks_and_without_faces(face_results):
    assert "gt_keypoints" not in turned(face_results(boxes=BOXES, num_keypoints=None), 20)
    assert turned(face_results(), 20)["gt_keypoints"].shape == (0, 5, 3)
    assert set(turned({"img": np.zeros((4, 4, 3), np.uint8)}, 20)) == {"img", "homography_matrix"}


@pytest.mark.parametrize("options", [{"max_angle": -1}, {"max_angle": 181}, {"prob": 1.1}])
def test_options_out_of_range(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        RandomRotate(**options)
