"""Faces with boxes, landmarks and scores."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

# BGR. Left and right eye, nose, left and right mouth corner; further landmarks begin again.
LANDMARK_COLOURS = ((255, 64, 0), (0, 0, 255), (0, 255, 0), (255, 0, 255), (0, 255, 255))
BOX_COLOUR = (0, 220, 0)


def draw_faces(
    image: Image,
    bboxes: Floats,
    scores: Floats | None = None,
    keypoints: Floats | None = None,
) -> Image:
    """Draw boxes, their scores and their landmarks.

    Args:
        image: uint8 BGR (h, w, 3).
        bboxes: (n, 4), x1 y1 x2 y2 in pixels.
        scores: (n,), printed above the boxes.
        keypoints: (n, K, 2) or (n, K, 3), x y and a weight that is 0 for points not to draw.

    Returns:
        A drawn copy.
    """
    drawn = image.copy()
    width = max(1, round(min(image.shape[:2]) / 300))
    for i, box in enumerate(bboxes):
        left, top, right, bottom = (round(float(value)) for value in box)
        cv2.rectangle(drawn, (left, top), (right, bottom), BOX_COLOUR, width)
        if scores is not None:
            _write(drawn, f"{scores[i]:.2f}", (left, max(top - 3, 10)), 0.4 * width)
        if keypoints is not None:
            radius = max(1, round((right - left) / 40))
            for k, point in enumerate(keypoints[i]):
                if len(point) == 2 or point[2] > 0:  # noqa: PLR2004 (no weight)
                    centre = (round(float(point[0])), round(float(point[1])))
                    colour = LANDMARK_COLOURS[k % len(LANDMARK_COLOURS)]
                    cv2.circle(drawn, centre, radius, colour, cv2.FILLED)
    return drawn


def tile(images: Sequence[Image], columns: int, side: int) -> Image:
    """Put pictures side by side on a grid of black squares, row by row.

    Args:
        images: uint8 BGR pictures of any size, at least one.
        columns: Squares in a row.
        side: Pixels along a square; larger pictures are shrunk, none is enlarged.

    Returns:
        The grid, (rows * side, columns * side, 3).
    """
    rows = -(-len(images) // columns)
    grid = np.zeros((rows * side, columns * side, 3), np.uint8)
    for i, image in enumerate(images):
        scale = min(1, side / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = i // columns * side, i % columns * side
        grid[top : top + small.shape[0], left : left + small.shape[1]] = small
    return grid


def _write(image: Image, text: str, origin: tuple[int, int], size: float) -> None:
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):  # readable on any ground
        cv2.putText(
            image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA
        )
