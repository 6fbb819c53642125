"""Pictures turned about their centre: where points and boxes go.

Coordinates are continuous: the pixel in column i covers i to i + 1.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Size = tuple[int, int]
Outline = Literal["ellipse", "rectangle"]


def rotation(angle: float, size: Size, *, expand: bool = False) -> tuple[Floats, Size]:
    """The map of a turn about the centre of a picture.

    Args:
        angle: Degrees, counter-clockwise to the viewer.
        size: Width and height in pixels.
        expand: Make the new picture as large as the turned one needs; else it keeps its size.

    Returns:
        (2, 3) matrix, and width and height of the new picture; the centres map to each other.

    >>> matrix, size = rotation(90, (4, 2), expand=True)
    >>> size, map_points(np.array([[4.0, 0.0]]), matrix).round(9).tolist()
    ((2, 4), [[0.0, 0.0]])
    """
    radians = np.deg2rad(angle)
    cos, sin = np.cos(radians), np.sin(radians)
    turn = np.array([[cos, sin], [-sin, cos]])
    new = size
    if expand:
        # A rounding error of a whole turn's quarter is no pixel.
        width, height = np.ceil(np.abs(turn) @ size - 1e-6).astype(int).tolist()
        new = (width, height)
    shift = np.array(new) / 2 - turn @ (np.array(size) / 2)
    return np.concatenate([turn, shift[:, None]], axis=1), new


def map_points(points: Floats, matrix: Floats) -> Floats:
    """Map points, (..., 2) x y, by a (2, 3) matrix."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def map_boxes(boxes: Floats, matrix: Floats, outline: Outline = "ellipse") -> Floats:
    """Boxes around what the old boxes held, (n, 4) x1 y1 x2 y2, after an affine map.

    Args:
        boxes: (n, 4).
        matrix: (2, 3).
        outline: What a box holds. An ``ellipse`` that fills it is what a head looks like: that
            of a square keeps its box at any angle, around the ``rectangle`` turned by 45 degrees
            it would have twice the area.
    """
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    centres = map_points(boxes[:, :2] + half, matrix)
    linear = matrix[:, :2]
    if outline == "ellipse":
        extent = np.sqrt(half**2 @ (linear**2).T)
    else:
        extent = half @ np.abs(linear).T
    return np.concatenate([centres - extent, centres + extent], axis=1)
