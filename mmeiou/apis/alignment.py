"""Faces turned upright and scaled to one size, as face recognition takes them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmeiou.apis.images import Image
from mmeiou.labels.errors import shown

Floats = NDArray[np.floating]

# Where the five landmarks lie in a crop of 112 x 112 pixels by the convention that ArcFace's
# training data set and OpenCV's FaceRecognizerSF follows; x y from the upper left pixel's centre.
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
TEMPLATE_SIZE = 112
_EYES = (2, 2)


def similarity(source: Floats, target: Floats) -> NDArray[np.float64]:
    r"""Rotation, scale and shift that bring points closest to others, without mirroring.

    Least squares in closed form (Umeyama, TPAMI 1991), which for points of a plane as complex
    numbers, centred, is the factor :math:`\sum \bar s_k t_k / \sum |s_k|^2`.

    Args:
        source: (n, k, 2) points, for each of n faces.
        target: (k, 2) points.

    Returns:
        (n, 2, 3) matrices M, by which a point (x, y) goes to M (x, y, 1).

    Raises:
        ValueError: If the shapes are others, or the points of a face are not finite or all in one
            place; numbers the face from 0.
    """
    points = np.asarray(source, dtype=np.float64)
    if target.shape[1:] != (2,) or points.shape[1:] != target.shape:
        raise ValueError(
            f"source {points.shape} and target {target.shape}: expected (n, k, 2) and (k, 2)"
        )
    where = points[..., 0] + 1j * points[..., 1]
    goal = target[:, 0] + 1j * target[:, 1]
    centre, goal_centre = where.mean(axis=1), goal.mean()
    apart = where - centre[:, None]
    extent = (np.abs(apart) ** 2).sum(axis=1)
    for number in np.flatnonzero(~(extent > 0) | ~np.isfinite(extent)):
        raise ValueError(
            f"face {number}: landmarks {points[number].tolist()} are all in one place or not "
            "finite, so that the face cannot be turned"
        )
    factor = (np.conj(apart) * (goal - goal_centre)).sum(axis=1) / extent
    shift = goal_centre - factor * centre
    matrices = np.empty((len(points), 2, 3))
    matrices[:, 0] = np.stack([factor.real, -factor.imag, shift.real], axis=1)
    matrices[:, 1] = np.stack([factor.imag, factor.real, shift.imag], axis=1)
    return matrices


def align(image: Image, landmarks: Floats, size: int = TEMPLATE_SIZE) -> NDArray[np.uint8]:
    """Crops of faces whose landmarks lie where :data:`TEMPLATE` has them.

    With a size of 112 equal to OpenCV's ``FaceRecognizerSF.alignCrop``. What lies beyond the image
    is black.

    Args:
        image: (h, w, 3) uint8.
        landmarks: (n, 5, 2) x y in pixels: eyes, nose, corners of the mouth, left ones first as the
            viewer sees them.
        size: Side of the crops, pixels.

    Returns:
        (n, size, size, 3) uint8.

    Raises:
        TypeError: If the image is no array, or the size no whole number.
        ValueError: If there are other landmarks than five, the size is not positive, the image is
            another one, or a face cannot be turned (see :func:`similarity`).
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"image must be an array (h, w, 3) uint8, got {shown(image)}; files are read by "
            "mmeiou.apis.images.load_image"
        )
    if not isinstance(size, (int, np.integer)):
        raise TypeError(f"size of the crops must be one whole number of pixels, got {shown(size)}")
    if landmarks.shape[1:] != TEMPLATE.shape:
        raise ValueError(
            f"alignment takes five landmarks a face, x and y, got an array {landmarks.shape}; a "
            "model of other landmarks needs a template of its own: mmeiou.apis.alignment.similarity"
        )
    if size < 1:
        raise ValueError(f"size of the crops must be positive, got {size}")
    if image.dtype != np.uint8 or image.shape[2:] != (3,):
        raise ValueError(f"image must be (h, w, 3) uint8, got {image.shape} {image.dtype}")
    crops = np.empty((len(landmarks), size, size, 3), dtype=np.uint8)
    matrices = similarity(landmarks, TEMPLATE * (size / TEMPLATE_SIZE))
    for number, matrix in enumerate(matrices):
        crops[number] = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR)
    return crops


def roll(landmarks: Floats) -> NDArray[np.float64]:
    """Degrees by which the line of the eyes is turned, clockwise as the viewer sees it.

    Args:
        landmarks: (n, 5, 2) x y in pixels as :func:`align` takes them, or (n, 2, 2) of the left and
            the right eye alone.

    Returns:
        (n,) in (-180, 180]; 0 for upright faces.

    Raises:
        ValueError: If there are others, of which nobody knows where the eyes are.
    """
    if landmarks.shape[1:] not in (TEMPLATE.shape, _EYES):
        raise ValueError(
            f"roll takes five landmarks a face, or its two eyes, x and y, got an array "
            f"{landmarks.shape}; of others give the eyes to mmeiou.apis.alignment.roll"
        )
    across = np.asarray(landmarks[:, 1] - landmarks[:, 0], dtype=np.float64)
    return np.degrees(np.arctan2(across[:, 1], across[:, 0]))
