"""Image files: which there are, where, how large once they stand upright, and whether whole."""

import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from mmeiou.labels.errors import ImageError, LabelError, shown
from mmeiou.labels.values import is_readable

# What OpenCV both reads and writes.
IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")

FLOAT_IMAGE = "pixels are floats, of unknown range; save it with 8 bits"

_ORIENTATION = 0x0112
_MOST_PIXELS = 1 << 30  # OpenCV's own limit

_JPEG_START = b"\xff\xd8"
_JPEG_END = 0xD9
# In entropy-coded data 0xFF is followed by 0 (a literal 0xFF), a restart marker or padding;
# anything else is the next marker.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


class UprightSize(NamedTuple):
    """Width and height of an upright image; ``turned`` if its EXIF orientation made it so."""

    width: int
    height: int
    turned: bool


def upright_size(path: Path) -> UprightSize:
    """The size that OpenCV's, and so MMCV's, loader will give.

    The header tells it, without decoding, unless there is an EXIF orientation: then OpenCV decodes,
    because it obeys orientation tags in some formats only.

    Raises:
        ImageError: If that is no image, one larger than OpenCV reads, or one of floats.
    """
    try:
        with _any_size(), Image.open(path) as image:
            width, height = image.size
            readable = width * height <= _MOST_PIXELS
            # Asked last: Pillow decodes a PNG to see whether it has EXIF.
            turned = readable and image.getexif().get(_ORIENTATION, 1) != 1
            floats = image.mode == "F"
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{path}: not an image that can be read ({error})") from error
    if not readable:
        raise ImageError(
            f"{path}: {width} x {height} pixels, more than OpenCV reads ({_MOST_PIXELS:,})"
        )
    if floats:
        raise ImageError(f"{path}: {FLOAT_IMAGE}")
    if not turned:
        return UprightSize(width, height, turned=False)
    try:
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError(f"{path}: not an image that OpenCV can decode ({error.err})") from error
    if pixels is None:
        raise ImageError(f"{path}: not an image that OpenCV can decode")
    return UprightSize(pixels.shape[1], pixels.shape[0], turned=True)


@contextmanager
def _any_size() -> Iterator[None]:
    """Pillow guards decoding against huge images, which this module does not do."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def list_files(folder: Path, suffixes: tuple[str, ...], outside: Path | None = None) -> list[str]:
    """Paths, relative to ``folder``, of all files of some suffixes in and below it, sorted.

    Folders that are symbolic links are looked into.

    Args:
        folder: To search.
        suffixes: In lower case, with their dots.
        outside: A folder, perhaps of earlier output, in which nothing is listed unless ``folder``
            itself lies in it.
    """
    skipped = {os.path.realpath(outside)} if outside else set()
    return sorted(
        Path(file).relative_to(folder).as_posix()
        for file in _walk(str(folder), frozenset(skipped | {os.path.realpath(folder)}))
        if file.lower().endswith(suffixes)
    )


def _walk(folder: str, passed: frozenset[str]) -> Iterator[str]:
    """All files below a folder, but not in folders passed, as a link in a circle leads to."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not _is_folder(entry):
                yield entry.path
            elif (real := os.path.realpath(entry.path)) not in passed:
                yield from _walk(entry.path, passed | {real})


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def list_images(folder: Path, outside: Path | None = None) -> list[str]:
    """All images in and below a folder; see :func:`list_files`.

    Raises:
        ImageError: If there are none.
    """
    images = list_files(folder, IMAGE_SUFFIXES, outside)
    if not images:
        raise ImageError(f"{folder}: no images ({', '.join(IMAGE_SUFFIXES)}) in it")
    return images


def is_file(path: Path) -> bool:
    """Whether there is such a file; also where a name is too long for any."""
    try:
        return path.is_file()
    except OSError:
        return False


def image_path(written: object, folder: Path | None, key: str = "image") -> str:
    """The path of an image, relative to the folder of the images, as labels write it.

    Separators of Windows are read as such. An absolute path, or one with ``..``, has to come out
    below the folder.

    Args:
        written: As in the label file.
        folder: Of the images; None where it is not known, as of images that are not local: then
            nothing may lead out of it.
        key: Of the value, for messages.

    Raises:
        LabelError: It is no path, or leads elsewhere.
    """
    if not isinstance(written, str) or not is_readable(written):
        raise LabelError(f"{key}: {shown(written)}, expected the path of an image")
    text = written.strip().replace("\\", "/")
    path = PurePosixPath(posixpath.normpath(text))
    if folder is not None and path.is_absolute():
        # Not resolved: what is below the folder by a symbolic link is below it.
        path = PurePosixPath(posixpath.relpath(path, folder.absolute().as_posix()))
    if path.is_absolute() or re.match(r"[A-Za-z]:/", text) or path.parts[:1] in ((), ("..",)):
        place = f"the folder of the images{f', {folder}' if folder is not None else ''}"
        raise LabelError(f"{key}: {shown(written)} does not lie below {place}")
    return path.as_posix()


def is_truncated_jpeg(data: bytes) -> bool:
    """Whether a file is a JPEG whose segments do not reach an end-of-image marker.

    OpenCV before 4.11 decodes the beginning of a truncated JPEG and fills the rest with grey,
    without an error. (It refuses other truncated formats.) The segments are walked by their
    lengths: the thumbnail that a header may hold has an end-of-image marker of its own.
    """
    if not data.startswith(_JPEG_START):
        return False
    position = len(_JPEG_START)
    while marker := _JPEG_MARKER.search(data, position):
        if data[marker.start() + 1] == _JPEG_END:
            return False
        length = data[marker.end() : marker.end() + 2]
        position = marker.end() + int.from_bytes(length, "big")
    return True


def image_key(path: str | os.PathLike[str]) -> str:
    """``<folder>/<name>`` without suffix, or the name alone of an image without a folder.

    By that name WIDER FACE's evaluation knows an image, the folder being its event.

    >>> image_key("WIDER_val/images/0--Parade/0_Parade_jpg.jpg")
    '0--Parade/0_Parade_jpg'
    """
    whole = Path(path)
    if whole.parent.name == "..":
        whole = Path(os.path.abspath(whole))  # noqa: PTH100 - resolving would follow links
    return f"{whole.parent.name}/{whole.stem}" if whole.parent.name else whole.stem
