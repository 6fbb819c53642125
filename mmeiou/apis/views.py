"""The sizes at which an image is shown to a network."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2

from mmeiou.apis.images import Image

Size = tuple[int, int]  # width, height


# Measured with the released YuNet_n on a photograph enlarged step by step: faces up to this length
# are found with IoU 0.9; beyond, their skin is taken for further faces of this size and more.
LARGEST_FACE = 512


class View(NamedTuple):
    """An image, enlarged or reduced."""

    pixels: Image
    scale: tuple[float, float]
    """Width and height relative to the image's."""
    largest_face: float
    """Length in pixels of the view above which a smaller view sees a face better."""


def padded_size(image: Image, divisor: int) -> Size:
    """Width and height of an image, rounded up to multiples of ``divisor``."""
    height, width = image.shape[:2]
    return -(-width // divisor) * divisor, -(-height // divisor) * divisor


def make_views(
    image: Image, scales: Sequence[float], max_side: int | None, fit: Size | None
) -> Iterator[View]:
    """Resize an image to the wanted scales, smallest first, as far as the limits let it.

    Args:
        image: (h, w, 3).
        scales: Wanted sizes relative to the image. Those that the limits make equal count once.
        max_side: Largest width or height of a view in pixels, at every scale; None for no limit.
        fit: Width and height of a network of fixed input size, into which every view fits.
    """
    height, width = image.shape[:2]
    limits = [max_side / max(width, height)] if max_side else []
    limits += [fit[0] / width, fit[1] / height] if fit else []
    sizes = {
        (max(1, round(width * factor)), max(1, round(height * factor)))
        for factor in (min(scale, *limits) if limits else scale for scale in scales)
    }
    for index, size in enumerate(sorted(sizes)):
        largest_face = LARGEST_FACE if index else float("inf")
        yield View(_resize(image, size), (size[0] / width, size[1] / height), largest_face)


def _resize(image: Image, size: Size) -> Image:
    height, width = image.shape[:2]
    if size == (width, height):
        return image
    # Averaging keeps a strong reduction from turning fine texture into noise.
    how = cv2.INTER_AREA if size < (width, height) else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=how)
