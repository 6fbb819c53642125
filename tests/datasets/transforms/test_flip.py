import numpy as np
import pytest
from mmcv import imflip

from mmeiou.datasets.transforms import RandomFlip
from mmeiou.datasets.transforms.flip import flip_order

BOX = [10, 20, 50, 60]


def copied(results):
    return {key: value.copy() if key == "img" else value for key, value in results.items()}


def test_horizontal_flip_by_hand(face_results):
    results = RandomFlip(prob=1.0)(face_results(boxes=[BOX]))
    assert (results["flip"], results["flip_direction"]) == (True, "horizontal")
    np.testing.assert_array_equal(results["gt_bboxes"].numpy(), [[150, 20, 190, 60]])
    # landmark j was at (10 + j, 20 + 2j) of a 200 px wide image; 0-1 and 3-4 change places
    expected = [[200 - 10 - j, 20 + 2 * j, 1] for j in (1, 0, 2, 4, 3)]
    np.testing.assert_array_equal(results["gt_keypoints"][0], expected)
    # column x of the image holds the value x
    assert results["img"][0, 0, 0] == 199


def test_vertical_flip_is_a_mirror_too(face_results):
    results = RandomFlip(prob=1.0, direction="vertical")(face_results(boxes=[BOX]))
    expected = [[10 + j, 100 - 20 - 2 * j, 1] for j in (1, 0, 2, 4, 3)]
    np.testing.assert_array_equal(results["gt_keypoints"][0], expected)


def test_diagonal_flip_is_a_rotation(face_results):
    results = RandomFlip(prob=1.0, direction="diagonal")(face_results(boxes=[BOX]))
    expected = [[200 - 10 - j, 100 - 20 - 2 * j, 1] for j in range(5)]
    np.testing.assert_array_equal(results["gt_keypoints"][0], expected)


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_twice_is_identity(face_results, direction):
    flip = RandomFlip(prob=1.0, direction=direction)
    once = flip(face_results(boxes=[BOX, [0, 0, 3, 3]]))
    assert not np.array_equal(
        once["gt_keypoints"], face_results(boxes=[BOX, [0, 0, 3, 3]])["gt_keypoints"]
    )
    twice, original = flip(once), face_results(boxes=[BOX, [0, 0, 3, 3]])
    for key in ("img", "gt_keypoints", "gt_bboxes_labels", "gt_ignore_flags"):
        np.testing.assert_array_equal(twice[key], original[key])
    np.testing.assert_array_equal(twice["gt_bboxes"].numpy(), original["gt_bboxes"].numpy())


def test_horizontal_and_vertical_make_diagonal(face_results):
    both = face_results(boxes=[BOX])
    for direction in ("horizontal", "vertical"):
        both = RandomFlip(prob=1.0, direction=direction)(both)
    rotated = RandomFlip(prob=1.0, direction="diagonal")(face_results(boxes=[BOX]))
    np.testing.assert_array_equal(both["gt_keypoints"], rotated["gt_keypoints"])


def test_no_flip_says_so(face_results):
    results = RandomFlip(prob=0.0)(face_results(boxes=[BOX]))
    assert (results["flip"], results["flip_direction"]) == (False, None)
    np.testing.assert_array_equal(
        results["gt_keypoints"], face_results(boxes=[BOX])["gt_keypoints"]
    )


def test_unlabelled_points_stay_at_the_origin(face_results):
    results = face_results(boxes=[BOX])
    results["gt_keypoints"][0, 0] = 0
    flipped = RandomFlip(prob=1.0)(results)["gt_keypoints"][0]
    np.testing.assert_array_equal(flipped[1], [0, 0, 0])
    np.testing.assert_array_equal(flipped[0], [200 - 11, 22, 1])


def test_pairs_of_other_landmarks(face_results):
    results = RandomFlip(prob=1.0, flip_pairs=[[2, 0]])(face_results(boxes=[BOX], num_keypoints=3))
    np.testing.assert_array_equal(results["gt_keypoints"][0, :, 0], [188, 189, 190])
    # the dataset's pairs, unless the transform has its own
    results = face_results(boxes=[BOX], num_keypoints=3) | {"keypoint_flip_pairs": [(0, 1)]}
    results = RandomFlip(prob=1.0)(results)
    np.testing.assert_array_equal(results["gt_keypoints"][0, :, 0], [189, 190, 188])
    results = face_results(boxes=[BOX]) | {"keypoint_flip_pairs": [(0, 1)]}
    results = RandomFlip(prob=1.0, flip_pairs=())(results)
    np.testing.assert_array_equal(results["gt_keypoints"][0, :, 0], [190, 189, 188, 187, 186])


def test_unknown_pairs_are_asked_for(face_results):
    with pytest.raises(ValueError, match=r"which of the 6 landmarks.*flip_pairs="):
        RandomFlip(prob=1.0)(face_results(boxes=[BOX], num_keypoints=6))
    # a rotation needs none
    RandomFlip(prob=1.0, direction="diagonal")(face_results(boxes=[BOX], num_keypoints=6))


@pytest.mark.parametrize("pairs", [[(0, 5)], [(-1, 0)], [(0, 1), (1, 2)], [(3, 3)]])
def test_pairs_that_do_not_fit(pairs):
    with pytest.raises(ValueError, match="do not fit 5 landmarks"):
        flip_order(pairs, 5)


def test_without_landmarks_and_without_faces(face_results):
    flip = RandomFlip(prob=1.0)
    assert "gt_keypoints" not in flip(face_results(boxes=[BOX], num_keypoints=None))
    assert flip(face_results())["gt_keypoints"].shape == (0, 5, 3)
    assert flip(face_results(num_keypoints=0))["gt_keypoints"].shape == (0, 0, 3)
    assert set(flip({"img": np.zeros((4, 4, 3), np.uint8)})) == {
        "img",
        "flip",
        "flip_direction",
        "homography_matrix",
    }


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_are_mmcvs_in_one_piece(direction, shape, dtype):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    before = image.copy()
    flipped = RandomFlip(prob=1.0, direction=direction)({"img": image})["img"]
    np.testing.assert_array_equal(flipped, imflip(before, direction))
    assert flipped.flags.c_contiguous
    np.testing.assert_array_equal(image, before)
