"""Making faces unrecognisable."""

from typing import Any

import cv2
import numpy as np

from mmeiou.visualization.faces import Floats, Image

# The blurred ellipse has these times the sides of the box: its corners lie near the box's, so that
# forehead, ears and chin are inside.
_MARGIN = 1.3
# So many cells across the ellipse are told apart; of a small face each is at least _CELL pixels.
_CELLS = 4
_CELL = 4


def blur_faces(image: Image, bboxes: Floats) -> Image:
    """Blur an ellipse over each box so strongly that the face cannot be recognised.

    What is inside is averaged to at most 4 x 4 cells, which are then interpolated: unlike a
    Gaussian blur of whatever width, no sharpening undoes that. 4 pixels become one colour.

    Args:
        image: uint8 BGR (h, w, 3).
        bboxes: (n, 4), x1 y1 x2 y2 in pixels; parts outside the image are passed over.

    Returns:
        A blurred copy.
    """
    blurred = image.copy()
    height, width = image.shape[:2]
    for box in np.asarray(bboxes, np.float64):
        centre = (box[:2] + box[2:]) / 2
        half = np.maximum((box[2:] - box[:2]) / 2 * _MARGIN, 1)
        left, top = np.clip(np.floor(centre - half), 0, (width, height)).astype(int)
        right, bottom = np.clip(np.ceil(centre + half), 0, (width, height)).astype(int)
        if left >= right or top >= bottom:
            continue
        patch = blurred[top:bottom, left:right]
        x = (np.arange(left, right) + 0.5 - centre[0]) / half[0]
        y = (np.arange(top, bottom) + 0.5 - centre[1]) / half[1]
        inside = x**2 + y[:, None] ** 2 <= 1
        patch[inside] = _smeared(patch, 2 * half / _CELLS)[inside]
    return blurred


def _smeared(patch: Image, cell: Any) -> Image:
    height, width = patch.shape[:2]
    columns, rows = np.maximum((width, height) // np.maximum(cell, _CELL), 1).astype(int)
    cells = cv2.resize(patch, (int(columns), int(rows)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
