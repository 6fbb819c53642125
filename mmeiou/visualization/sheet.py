"""Contact sheets: pictures with captions on a grid, and a legend."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmeiou.visualization.faces import Image

Boxes = NDArray[np.floating[Any]]
Colour = tuple[int, int, int]

_GROUND, _INK = 255, (30, 30, 30)
_GAP = 6  # pixels between the pictures
_STRIP = 22  # height of a line of text
_FONT, _TEXT = cv2.FONT_HERSHEY_SIMPLEX, 0.45


def shrink(image: Image, side: int) -> tuple[Image, float]:
    """A picture whose longer side is at most ``side``, never enlarged, and its scale."""
    scale = min(1.0, side / max(image.shape[:2]))
    if scale == 1:
        return image, scale
    # at least a pixel, whatever the picture's shape
    size = [max(1, round(length * scale)) for length in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def outline(image: Image, bboxes: Boxes, colour: Colour, width: int = 1) -> None:
    """Draw rectangles, (n, 4) x1 y1 x2 y2 in pixels, into a BGR picture."""
    for left, top, right, bottom in np.rint(bboxes).astype(int).tolist():
        cv2.rectangle(image, (left, top), (right, bottom), colour, width)


def hatch(image: Image, bboxes: Boxes, colour: Colour) -> None:
    """Outline rectangles and fill them with diagonals, for regions that do not count."""
    y, x = np.indices(image.shape[:2], sparse=True)
    diagonals = (x + y) % 8 < 2  # noqa: PLR2004 - survives being shrunk
    for left, top, right, bottom in np.rint(np.maximum(bboxes, 0)).astype(int).tolist():
        region = np.s_[top:bottom, left:right]
        image[region][diagonals[region]] = colour
    outline(image, bboxes, colour)


def require_format(file: Path) -> None:
    """Find out before a long work whether its picture can be written.

    Raises:
        ValueError: If OpenCV writes no format of that suffix.
    """
    if not cv2.haveImageWriter(str(file)):
        raise ValueError(f"{file}: OpenCV writes no such format; end it in .jpg or .png")


def contact_sheet(
    pictures: Iterable[tuple[Image, str]],
    columns: int,
    side: int,
    legend: Mapping[str, Colour] | None = None,
) -> Image:
    """Put pictures on a white grid, each with its caption above, row by row.

    Args:
        pictures: uint8 BGR with their captions, at least one. Pictures are shrunk to ``side`` where
            larger, one at a time; captions are shortened in the middle to the width of a picture.
        columns: Pictures in a row.
        side: Largest width and height of a picture in pixels.
        legend: Names and BGR colours, explained in a line above all.

    Returns:
        The sheet. A row is as high as its highest picture, all columns are as wide as the widest.
    """
    small = [(shrink(picture, side)[0], caption) for picture, caption in pictures]
    width = max(picture.shape[1] for picture, _ in small)
    cells = [_on_ground(picture, caption, width) for picture, caption in small]
    rows = [_row(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    sheet_width = max(row.shape[1] for row in rows)
    if legend:
        line = _legend(legend)
        sheet_width = max(sheet_width, line.shape[1])
        rows.insert(0, line)
    return np.concatenate([_padded(row, row.shape[0], sheet_width) for row in rows])


def _on_ground(picture: Image, caption: str, width: int) -> Image:
    cell = _blank(_STRIP + picture.shape[0] + _GAP, width + _GAP)
    text, shown = caption, len(caption)
    while shown > 1 and _width(text) > width:
        shown -= 1
        text = f"{caption[: shown // 2]}...{caption[len(caption) - (shown + 1) // 2 :]}"
    _write(cell, text, 0)
    cell[_STRIP : _STRIP + picture.shape[0], : picture.shape[1]] = picture
    return cell


def _row(cells: list[Image]) -> Image:
    height = max(cell.shape[0] for cell in cells)
    return np.concatenate([_padded(cell, height, cell.shape[1]) for cell in cells], axis=1)


def _legend(legend: Mapping[str, Colour]) -> Image:
    line = _blank(_STRIP + _GAP, sum(_width(name) + 40 for name in legend))
    x = _GAP
    for name, colour in legend.items():
        cv2.rectangle(line, (x, 5), (x + 14, _STRIP - 5), colour, cv2.FILLED)
        _write(line, name, x + 20)
        x += _width(name) + 40
    return line


def _blank(height: int, width: int) -> Image:
    return np.full((height, width, 3), _GROUND, np.uint8)


def _padded(image: Image, height: int, width: int) -> Image:
    ground = _blank(height, width)
    ground[: image.shape[0], : image.shape[1]] = image
    return ground


def _width(text: str) -> int:
    return cv2.getTextSize(text, _FONT, _TEXT, 1)[0][0]


def _write(image: Image, text: str, left: int) -> None:
    cv2.putText(image, text, (left, _STRIP - 7), _FONT, _TEXT, _INK, 1, cv2.LINE_AA)
