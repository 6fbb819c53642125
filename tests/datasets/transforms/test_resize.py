import numpy as np
import pytest

from mmeiou.datasets.transforms import Resize


def test_landmarks_take_both_scale_factors(face_results):
    # 200 x 100 -> 100 x 200: x halves, y doubles
    results = Resize(scale=(100, 200), keep_ratio=False)(face_results(boxes=[[10, 20, 50, 60]]))
    assert results["img"].shape == (200, 100, 3)
    assert results["scale_factor"] == (0.5, 2.0)
    np.testing.assert_array_equal(results["gt_bboxes"].numpy(), [[5, 40, 25, 120]])
    # landmark j was at (10 + j, 20 + 2j)
    expected = [[5 + j / 2, 40 + 4 * j, 1] for j in range(5)]
    np.testing.assert_allclose(results["gt_keypoints"][0], expected)
    assert results["gt_keypoints"].dtype == np.float32


def test_keep_ratio_uses_the_factor_that_was_applied(face_results):
    results = Resize(scale=(50, 50), keep_ratio=True)(face_results(boxes=[[10, 20, 50, 60]]))
    assert results["img"].shape == (25, 50, 3)
    np.testing.assert_allclose(results["gt_keypoints"][0, 1], [11 / 4, 22 / 4, 1])


def test_landmarks_outside_are_not_clipped_and_unlabelled_ones_stay_zero(face_results):
    results = face_results(boxes=[[10, 20, 50, 60]])
    results["gt_keypoints"][0, 0] = [-30, 240, 1]
    results["gt_keypoints"][0, 1] = 0
    results = Resize(scale=(100, 50))(results)
    np.testing.assert_array_equal(results["gt_keypoints"][0, :2], [[-15, 120, 1], [0, 0, 0]])


@pytest.mark.parametrize("boxes", [[], [[10, 20, 50, 60]]])
def test_without_landmarks(face_results, boxes):
    results = Resize(scale=(100, 50))(face_results(boxes=boxes, num_keypoints=None))
    assert "gt_keypoints" not in results
    assert len(results["gt_bboxes"]) == len(boxes)


def test_without_faces(face_results):
    assert Resize(scale=(100, 50))(face_results())["gt_keypoints"].shape == (0, 5, 3)
