import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mmdet.datasets.transforms import Resize as MMDetResize

from mmeiou.datasets.transforms import RandomSquareCrop
from mmeiou.datasets.transforms.crop import cut_square, inside, random_offsets


@pytest.fixture
def at(monkeypatch):
    """Crop with a square of a given place and side."""

    def crop(results, left, top, side):
        monkeypatch.setattr(RandomSquareCrop, "_choose", lambda *_: (left, top, side))
        return RandomSquareCrop([1.0])(results)

    return crop


def test_inside_the_image_by_hand(face_results, at):
    boxes = [[30, 20, 50, 40], [0, 0, 30, 30], [70, 60, 100, 96], [80, 40, 120, 60]]
    results = face_results(boxes=boxes)
    results["gt_ignore_flags"][2] = True
    results = at(results, 25, 15, 70)
    # The square is (25, 15)-(95, 85). Centres: (40, 30) in; (15, 15) out; (85, 78) in;
    # (100, 50) out.
    assert results["gt_bboxes_labels"].tolist() == [0, 2]
    assert results["gt_ignore_flags"].tolist() == [False, True]
    np.testing.assert_array_equal(results["gt_bboxes"].numpy(), [[5, 5, 25, 25], [45, 45, 70, 70]])
    expected = [
        [[x + j - 25, y + 2 * j - 15, 1] for j in range(5)] for x, y in ((30, 20), (70, 60))
    ]
    np.testing.assert_array_equal(results["gt_keypoints"], expected)
    assert results["img"].shape == (70, 70, 3)
    assert results["img_shape"] == (70, 70)
    # column x of the image holds the value x
    np.testing.assert_array_equal(results["img"][0, :, 0], np.arange(25, 95))


def test_beyond_the_image_by_hand(face_results, at):
    results = at(face_results(boxes=[[0, 0, 20, 10]]), -30, -40, 300)
    np.testing.assert_array_equal(results["gt_bboxes"].numpy(), [[30, 40, 50, 50]])
    np.testing.assert_array_equal(results["gt_keypoints"][0, 1], [31, 42, 1])
    image = results["img"]
    assert image.shape == (300, 300, 3)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image[40:140, 30:230, 1], np.tile(np.arange(200), (100, 1)))
    outside = np.ones((300, 300), dtype=bool)
    outside[40:140, 30:230] = False
    assert (image[outside] == 128).all()


def test_landmarks_outside_keep_their_place_and_weight(face_results, at):
    results = face_results(boxes=[[10, 10, 30, 30]])
    results["gt_keypoints"][0, 1] = 0
    results = at(results, 15, 15, 50)
    np.testing.assert_array_equal(results["gt_bboxes"].numpy(), [[0, 0, 15, 15]])
    np.testing.assert_array_equal(results["gt_keypoints"][0, 0], [-5, -5, 1])
    np.testing.assert_array_equal(results["gt_keypoints"][0, 1], [0, 0, 0])


def test_homography_follows(face_results, at):
    results = MMDetResize(scale=(100, 100))(at(face_results(boxes=[[30, 20, 50, 40]]), 25, 15, 50))
    corner = results["homography_matrix"] @ [30, 20, 1]
    np.testing.assert_allclose(corner[:2], results["gt_bboxes"].numpy()[0, :2])


FACES = st.lists(
    st.tuples(st.floats(0, 180), st.floats(0, 90), st.floats(1, 60), st.floats(1, 60)), max_size=6
)


@settings(deadline=None)
@given(faces=FACES, seed=st.integers(0, 10**6), choice=st.sampled_from([0.3, 0.7, 1.0, 1.5, 3.0]))
def test_kept_iff_the_centre_is_inside(face_results, faces, seed, choice):
    boxes = [[x, y, x + w, y + h] for x, y, w, h in faces]
    before = face_results(boxes=boxes)
    np.random.seed(seed)  # noqa: NPY002
    after = RandomSquareCrop([choice])(face_results(boxes=boxes))
    side = int(choice * 100)
    assert after["img"].shape == (side, side, 3)
    # the shift is known from the matrix
    left, top = (-after["homography_matrix"][:2, 2]).astype(int).tolist()
    for start, length in ((left, 200), (top, 100)):
        low, high = (0, length - side) if side <= length else (length - side, 0)
        assert low <= start <= high
    kept = []
    for i, (x1, y1, x2, y2) in enumerate(before["gt_bboxes"].numpy().tolist()):
        x, y = np.float32(x1 + x2) / 2, np.float32(y1 + y2) / 2
        on_border = min(abs(x - left), abs(x - left - side), abs(y - top), abs(y - top - side))
        assume(on_border > 1e-3)
        if left < x < left + side and top < y < top + side:
            kept.append(i)
    assert after["gt_bboxes_labels"].tolist() == kept
    assert len(after["gt_ignore_flags"]) == len(kept)
    expected = before["gt_bboxes"].numpy()[kept] - np.float32([left, top, left, top])
    np.testing.assert_allclose(after["gt_bboxes"].numpy(), expected.clip(0, side), atol=1e-4)
    expected = before["gt_keypoints"][kept] - np.float32([left, top, 0])
    np.testing.assert_allclose(after["gt_keypoints"], expected, atol=1e-4)


def test_a_face_is_kept_where_there_is_one(face_results):
    # one small face in the corner of a wide image: one place in 75 shows it at half the side
    np.random.seed(0)  # noqa: NPY002
    for _ in range(100):
        results = RandomSquareCrop([0.5, 1.0])(face_results(boxes=[[1, 1, 9, 9]]))
        assert len(results["gt_bboxes"]) == 1


def test_other_sides_are_tried(face_results):
    # Only the whole image holds the face: its centre is outside of every half-sized square that
    # starts inside the image.
    results = face_results(height=100, width=100, boxes=[[96, 96, 103, 103]])
    np.random.seed(0)  # noqa: NPY002
    results["gt_bboxes"].translate_((0.4, 0.4))
    for _ in range(10):
        cropped = RandomSquareCrop([0.01, 1.0], num_tries=3)(dict(results))
        assert cropped["img"].shape[0] == 100


def test_only_faces_that_count_are_searched_for(face_results):
    np.random.seed(0)  # noqa: NPY002
    counts = []
    for _ in range(40):
        results = face_results(boxes=[[1, 1, 9, 9], [180, 80, 190, 90]])
        results["gt_ignore_flags"][:] = [True, False]
        results = RandomSquareCrop([0.5])(results)
        counts.append(results["gt_bboxes_labels"].tolist())
    assert all(1 in labels for labels in counts)


@pytest.mark.parametrize("ignored", [False, True])
def test_terminates_without_a_face_to_keep(face_results, ignored):
    results = face_results(boxes=[[1, 1, 9, 9]] if ignored else [[-50, -50, -40, -40]])
    results["gt_ignore_flags"][:] = ignored
    results["gt_keypoints"][..., 2] = 1
    results = RandomSquareCrop([0.3, 0.1])(results)
    assert results["img"].shape[0] in (30, 10)
    assert len(results["gt_bboxes"]) == len(results["gt_keypoints"])


def test_without_boxes_landmarks_or_annotations(face_results):
    crop = RandomSquareCrop([0.5, 1.5])
    empty = crop(face_results())
    assert empty["gt_bboxes"].tensor.shape == (0, 4)
    assert empty["gt_keypoints"].shape == (0, 5, 3)
    assert "gt_keypoints" not in crop(face_results(boxes=[[9, 9, 29, 29]], num_keypoints=None))
    grey = crop({"img": np.zeros((7, 3), np.uint8)})
    assert grey["img"].shape in ((1, 1), (4, 4))


def test_sides_are_drawn_evenly(face_results):
    np.random.seed(0)  # noqa: NPY002
    crop = RandomSquareCrop([0.5, 1.0, 1.5])
    sides = [crop(face_results())["img"].shape[0] for _ in range(600)]
    counts = [sides.count(side) for side in (50, 100, 150)]
    # 200 expected each, standard deviation 11.5
    assert sum(counts) == 600
    assert min(counts) > 150


def test_offsets_cover_their_range():
    np.random.seed(0)  # noqa: NPY002
    assert set(random_offsets(10, 7, 500).tolist()) == {0, 1, 2, 3}
    assert set(random_offsets(7, 10, 500).tolist()) == {-3, -2, -1, 0}
    assert set(random_offsets(7, 7, 50).tolist()) == {0}


def test_centres_on_the_border_are_outside():
    centres = np.array([[5, 5], [5.5, 5.5], [15, 10], [14.5, 10]], dtype=np.float32)
    np.testing.assert_array_equal(
        inside(centres, np.array([[5, 5], [5, 9]]), 10),
        [[False, True, False, True], [False, False, False, True]],
    )


def test_a_square_beside_the_image_is_filled():
    square = cut_square(np.ones((4, 4, 3)), 10, -10, 3, 7)
    np.testing.assert_array_equal(square, np.full((3, 3, 3), 7))


@pytest.mark.parametrize(
    "options",
    [{"crop_choice": []}, {"crop_choice": [0.5, 0]}, {"crop_choice": [1], "num_tries": 0}],
)
def test_bad_options(options):
    with pytest.raises(ValueError, match=r"crop_choice=|num_tries="):
        RandomSquareCrop(**options)


def test_a_region_to_ignore_stays_as_far_as_it_is_seen(face_results):
    """Its centre is far outside the square; the face with such a centre goes."""
    results = face_results(100, 100, boxes=[[40, 40, 44, 44], [0, 0, 100, 100], [60, 0, 100, 30]])
    results["gt_ignore_flags"][1] = True
    crop = RandomSquareCrop(crop_choice=(0.2,))
    for _ in range(20):
        copy = {
            key: value.copy() if hasattr(value, "copy") else value for key, value in results.items()
        }
        copy["gt_bboxes"] = results["gt_bboxes"].clone()
        after = crop(copy)
        ignored = after["gt_bboxes"].numpy()[after["gt_ignore_flags"]]
        assert ignored.tolist() == [[0, 0, 20, 20]]
