"""Image files: which there are, and how large they are once they stand upright."""

import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")
_ORIENTATION = 0x0112


class Size(NamedTuple):
    """Width and height of an upright image; ``turned`` if its EXIF orientation made it so."""

    width: int
    height: int
    turned: bool


class PictureError(ValueError):
    """A file that is no image, for the reason that the message gives."""


def upright_size(path: Path) -> Size:
    """The size that OpenCV's, and so MMCV's, loader will give.

    The header tells it, without decoding, unless there is an EXIF orientation: then OpenCV decodes,
    because it obeys orientation tags in some formats only.

    Raises:
        PictureError: If that is no image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(_ORIENTATION, 1) != 1
    except (UnidentifiedImageError, OSError) as error:
        raise PictureError(f"not an image that can be read ({error})") from error
    if not turned:
        return Size(width, height, turned=False)
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise PictureError("not an image that OpenCV can decode")
    return Size(pixels.shape[1], pixels.shape[0], turned=True)


def list_files(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Paths, relative to ``folder``, of all files of some suffixes in and below it, sorted.

    Folders that are symbolic links are looked into.
    """
    return sorted(
        (Path(parent) / name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(suffixes)
    )
