"""Any image as the detectors take it: uint8 BGR (h, w, 3)."""

import warnings
from functools import cache
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmeiou.labels.errors import ImageError

Image = NDArray[np.uint8]
ImageLike = str | PathLike[str] | NDArray[Any]

_BGR, _BGRA = 3, 4


def load_image(source: ImageLike) -> Image:
    """Read an image file or take an array, and convert it to uint8 BGR.

    Files are turned upright by their EXIF orientation. Grey images, alpha channels (dropped), 16
    bits (divided by 257) and floats (times 255 if none exceeds 1, else taken as 0 to 255) are
    converted, each kind with one warning a process.

    Args:
        source: Path, or an array (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA.

    Raises:
        FileNotFoundError: If there is no such file.
        ImageError: If the file is no image, or the array has no pixels, another shape, or values
            that cannot be brightnesses.
    """
    if isinstance(source, np.ndarray):
        return _to_bgr(source, "the image")
    path = Path(fspath(source))
    data = np.frombuffer(path.read_bytes(), np.uint8)
    # Depth and greyness as they are, so that the conversions below, and their warnings, are ours.
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
    try:
        pixels = cv2.imdecode(data, flags) if data.size else None
    except cv2.error as error:  # a header that asks for more pixels than it will ever read
        raise ImageError(f"{path}: OpenCV refuses to decode it ({error.err})") from error
    if pixels is None:
        raise ImageError(f"{path}: not an image that OpenCV can decode ({data.size} bytes)")
    return _to_bgr(pixels, str(path))


def _to_bgr(pixels: NDArray[Any], name: str) -> Image:
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, _BGR, _BGRA)):  # noqa: PLR2004 (h, w and channels)
        raise ImageError(
            f"{name}: expected an array (h, w, 3) in BGR, or (h, w), (h, w, 1) or (h, w, 4), got "
            f"shape {pixels.shape}; transpose channels-first arrays, pass several images as a list"
        )
    if not pixels.size:
        raise ImageError(f"{name}: no pixels, shape {pixels.shape}")
    image = _to_bytes(pixels, name)
    channels = 1 if image.ndim == 2 else image.shape[2]  # noqa: PLR2004 (h and w alone)
    if channels == _BGRA:
        _say_once("images with an alpha channel: it is dropped")
        return np.ascontiguousarray(image[..., :_BGR])
    if channels == 1:
        _say_once("grey images: the channel is repeated three times")
        return np.repeat(image.reshape(*image.shape[:2], 1), _BGR, axis=2)
    return np.ascontiguousarray(image)


def _to_bytes(pixels: NDArray[Any], name: str) -> Image:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        _say_once("16-bit images: values are divided by 257")
        return np.round(pixels / 257).astype(np.uint8)
    if pixels.dtype.kind not in "biuf":
        raise ImageError(f"{name}: expected numbers, got an array of {pixels.dtype}")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0 and high <= np.iinfo(np.uint8).max):  # NaN is neither
        raise ImageError(
            f"{name}: {pixels.dtype} values from {low:g} to {high:g}; expected 0 to 255, uint16, "
            "or floats from 0 to 1"
        )
    unit = pixels.dtype.kind in "bf" and high <= 1
    _say_once(f"{pixels.dtype} images: values are {'multiplied by 255' if unit else 'rounded'}")
    return np.round(pixels * 255.0 if unit else pixels).astype(np.uint8)


@cache
def _say_once(conversion: str) -> None:
    warnings.warn(f"mmeiou converts {conversion} (said once)", stacklevel=2)
