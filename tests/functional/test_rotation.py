"""Turned points and boxes, against a picture's own quarter turns and a sampled outline."""

import numpy as np
import pytest

from mmeiou.functional.rotation import map_boxes, map_points, rotation


def test_a_quarter_turn_is_counter_clockwise():
    matrix, size = rotation(90, (6, 4), expand=True)
    assert size == (4, 6)
    # the upper right corner becomes the upper left one, the upper left the lower left
    turned = map_points(np.array([[6.0, 0.0], [0.0, 0.0]]), matrix)
    np.testing.assert_allclose(turned, [[0, 0], [0, 6]], atol=1e-12)


@pytest.mark.parametrize("expand", [False, True])
@pytest.mark.parametrize("angle", [-170, -45, 0, 13.5, 90, 180])
def test_back_and_lengths(angle, expand):
    rng = np.random.default_rng(0)
    points = rng.uniform(-50, 200, (20, 2))
    matrix, size = rotation(angle, (160, 90), expand=expand)
    there = map_points(points, matrix)
    undo, _ = rotation(-angle, size)
    undo[:, 2] += np.array([160, 90]) / 2 - np.array(size) / 2
    np.testing.assert_allclose(map_points(there, undo), points, atol=1e-9)
    for one, other in ((there, points),):
        np.testing.assert_allclose(
            np.linalg.norm(one[1:] - one[0], axis=1), np.linalg.norm(other[1:] - other[0], axis=1)
        )


@pytest.mark.parametrize("angle", range(-180, 181, 15))
def test_an_expanded_picture_holds_its_corners_and_no_more(angle):
    matrix, (width, height) = rotation(angle, (160, 90), expand=True)
    corners = map_points(np.array([[0.0, 0], [160, 0], [160, 90], [0, 90]]), matrix)
    extent = corners.max(axis=0) - corners.min(axis=0)
    assert (corners > -1e-6).all()
    assert (corners < np.array([width, height]) + 1e-6).all()
    assert (np.array([width, height]) - extent < 1 + 1e-6).all()


@pytest.mark.parametrize("angle", [-60, 7, 45, 90, 133])
@pytest.mark.parametrize("outline", ["ellipse", "rectangle"])
def test_boxes_hold_the_turned_outline(angle, outline):
    """Oracle: many points of the outline, turned one by one."""
    matrix, _ = rotation(angle, (100, 60))
    boxes = np.array([[10.0, 20, 40, 30], [60, 5, 61, 45], [0, 0, 8, 8]])
    t = np.linspace(0, 2 * np.pi, 100001)
    if outline == "ellipse":
        unit = np.stack([np.cos(t), np.sin(t)], axis=1)
    else:
        unit = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    for box, found in zip(boxes, map_boxes(boxes, matrix, outline), strict=True):
        points = (box[:2] + box[2:]) / 2 + unit * (box[2:] - box[:2]) / 2
        turned = map_points(points, matrix)
        np.testing.assert_allclose(found, [*turned.min(axis=0), *turned.max(axis=0)], atol=1e-6)


def test_a_turned_square_head_keeps_its_size():
    square = np.array([[10.0, 10, 30, 30]])
    matrix, _ = rotation(45, (40, 40))
    np.testing.assert_allclose(map_boxes(square, matrix), square, atol=1e-9)
    grown = map_boxes(square, matrix, "rectangle")[0]
    assert grown[2] - grown[0] == pytest.approx(20 * np.sqrt(2))


def test_nothing_is_nothing():
    matrix, _ = rotation(30, (10, 10))
    assert map_boxes(np.zeros((0, 4)), matrix).shape == (0, 4)
    assert map_points(np.zeros((0, 5, 2)), matrix).shape == (0, 5, 2)
