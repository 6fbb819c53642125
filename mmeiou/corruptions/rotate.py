"""Pixels turned by the matrices of :mod:`mmeiou.functional.rotation`."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmeiou.corruptions.pixels import Image
from mmeiou.functional.rotation import Size


def rotate(image: Image, matrix: NDArray[np.float64], size: Size, fill: float = 128) -> Image:
    """A picture as an affine map shows it, by bilinear interpolation.

    Args:
        image: uint8 (h, w, c).
        matrix: (2, 3), of continuous coordinates.
        size: Width and height of the new picture.
        fill: Level where the old one shows nothing.
    """
    # OpenCV counts from the centres of pixels.
    shifted = matrix.copy()
    shifted[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    channels = image.shape[2] if image.ndim > 2 else 1  # noqa: PLR2004 - h and w alone
    turned = cv2.warpAffine(image, shifted, size, borderValue=(fill,) * min(channels, 4))
    return np.asarray(turned, dtype=np.uint8)
