"""Blurred faces tell nothing."""

import numpy as np
import pytest

from mmeiou.visualization.blur import blur_faces

SIDE = 200
NOISE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def test_the_whole_box_but_its_corners_is_covered_and_nothing_far_off() -> None:
    drawn = blur_faces(NOISE, np.array([[60, 40, 120, 140]], np.float32))
    assert drawn is not NOISE
    changed = (drawn != NOISE).any(axis=2)
    y, x = np.nonzero(changed)
    # 1.3 times 60 x 100 about (90, 90)
    assert (x.min(), x.max(), y.min(), y.max()) == (51, 128, 25, 154)
    assert changed[41:139, 90].mean() > 0.95
    assert changed[46:134, 66:114].mean() > 0.95
    assert not changed[25:35, 51:61].any()  # outside the ellipse


@pytest.mark.parametrize("side", [4, 12, 40, 150])
def test_no_detail_of_the_face_is_left(side: int) -> None:
    """A chequerboard becomes grey, also where the picture ends within the face."""
    checked = np.full((100, 100, 3), 28, np.uint8)
    checked[::2, ::2] = checked[1::2, 1::2] = 228
    half = side / 2
    box = np.array([[50 - half, 50 - half, 50 + half, 50 + half]], np.float32)
    inside = np.abs(np.indices((100, 100)) + 0.5 - 50).max(0) <= 0.45 * side
    assert np.abs(blur_faces(checked, box)[inside].astype(int) - 128).max() <= 15


def test_a_blurred_face_has_few_cells() -> None:
    """The variation along a row of noise is that of four cells, not of a hundred pixels."""
    drawn = blur_faces(NOISE, np.array([[20, 20, 180, 180]], np.float32)).astype(float)
    rows = drawn[60:140, 60:140]
    assert np.abs(np.diff(rows, axis=1)).max() < 8
    assert rows.std() < 0.2 * NOISE.std()


def test_features_of_the_size_of_an_eye_vanish() -> None:
    columns = np.where(np.arange(SIDE) // 16 % 2, 228, 28).astype(np.uint8)
    striped = np.broadcast_to(columns[:, None], (SIDE, SIDE, 3))
    drawn = blur_faces(striped, np.array([[20, 20, 180, 180]], np.float32)).astype(int)
    assert np.abs(drawn[60:140, 60:140] - 128).max() < 50


def test_boxes_at_and_beyond_the_edges() -> None:
    boxes = np.array([[-30, -30, 20, 20], [300, 300, 400, 400], [5, 5, 5, 5]], np.float32)
    drawn = blur_faces(NOISE, boxes)
    changed = (drawn != NOISE).any(axis=2)
    assert changed[:15, :15].mean() > 0.9
    assert not changed[40:].any()
    np.testing.assert_array_equal(blur_faces(NOISE, boxes[:0]), NOISE)
