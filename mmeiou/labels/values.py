"""The meaning of a single value in a label file, the same in every format.

Each function takes a value as the file has it and its key, and raises a LabelError that says
``key: value, what was expected``; who reads the file adds the place.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from mmeiou.labels.errors import LabelError, shown

# Of coordinates and sizes; whole numbers up to here are exact in float32, what models compute in.
LARGEST = 1 << 24

_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_FLAGS = {
    **dict.fromkeys(("1", "1.0", "true", "yes"), True),
    # Unspecified is Pascal's word where nobody looked.
    **dict.fromkeys(("0", "0.0", "false", "no", "none", "unspecified", ""), False),
}


def flag(value: object, key: str) -> bool:
    """Yes or no: true, false, 1, 0 (also 1.0, as pandas writes it), yes, no; nothing is a no.

    >>> flag("False", "difficult"), flag(1.0, "ignore"), flag(None, "iscrowd")
    (False, True, False)
    """
    if value is None:
        return False
    known = _FLAGS.get(str(value).strip().lower()) if isinstance(value, (str, int, float)) else None
    if known is None:
        raise LabelError(f"{key}: {shown(value)}, expected 0 or 1")
    return known


def number(value: object, key: str) -> float:
    """A number of sensible size; not a text and not true or false.

    >>> number(3, "x1")
    3.0
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise LabelError(f"{key}: {shown(value)}, expected a number")
    if not -LARGEST <= value <= LARGEST:  # NaN is not
        what = "a finite number" if isinstance(value, float) and not math.isfinite(value) else None
        raise LabelError(f"{key}: {shown(value)}, expected {what or f'at most {LARGEST:,}'}")
    return float(value)


def written_number(text: str, key: str) -> float:
    """A number as a word of a text."""
    try:
        value = float(text)
    except ValueError:
        raise LabelError(f"{key}: {shown(text)}, expected a number") from None
    return number(value, key)


def numbers(values: object, key: str, count: int, meaning: str) -> list[float]:
    """A list of so many numbers."""
    if not isinstance(values, list) or len(values) != count:
        raise LabelError(f"{key}: {shown(values)}, expected {count} numbers, {meaning}")
    return [number(value, key) for value in values]


def pixels(value: object, key: str) -> int:
    """A size in pixels: a whole number from 1 on, be it written 320.0.

    >>> pixels("320.0", "width")
    320
    """
    size = written_number(value, key) if isinstance(value, str) else number(value, key)
    if size < 1 or size != int(size):
        raise LabelError(f"{key}: {shown(value)}, expected a number of pixels")
    return int(size)


def stated_size(width: object, height: object) -> tuple[int, int] | None:
    """Width and height of an image by its label; None where none is stated, or 0 as some do."""
    if any(value in (None, "", 0, "0") for value in (width, height)):
        return None
    return pixels(width, "width"), pixels(height, "height")


def name(value: object, key: str) -> str:
    """A name: a text with something in it, of one line, that can be written again."""
    if not isinstance(value, str):
        raise LabelError(f"{key}: {shown(value)}, expected a text")
    if not is_readable(value):
        raise LabelError(f"{key}: {shown(value)}, expected a name that can be read")
    return value


def is_readable(text: str) -> bool:
    """Whether a text has something in it, and neither line breaks nor what UTF-8 cannot write."""
    return bool(text.strip()) and not _UNREADABLE.search(text)


def names(values: object, key: str) -> tuple[str, ...]:
    """A list of different names."""
    if not isinstance(values, (list, tuple)):
        raise LabelError(f"{key}: {shown(values)}, expected a list of names")
    listed = tuple(name(value, f"{key}[{index}]") for index, value in enumerate(values))
    if len(set(listed)) < len(listed):
        raise LabelError(f"{key}: {shown(list(listed))}, a name twice")
    return listed


def identifier(value: object, key: str) -> int | str:
    """What other entries refer to: a number or a text."""
    if isinstance(value, bool) or not isinstance(value, (int, str, float)):
        raise LabelError(f"{key}: {shown(value)}, expected a number or a text")
    if isinstance(value, float):
        if not value.is_integer():  # NaN and infinity are none either
            raise LabelError(f"{key}: {shown(value)}, expected a whole number or a text")
        return int(value)
    return value


def visibility(value: object, key: str) -> int:
    """COCO's 0 (not labelled), 1 (occluded) or 2 (visible)."""
    seen = written_number(value, key) if isinstance(value, str) else number(value, key)
    if seen not in (0, 1, 2):
        raise LabelError(f"{key}: {shown(value)}, expected 0, 1 or 2")
    return int(seen)


def is_labelled(x: float, y: float) -> bool:
    """Whether a point in pixels without a visibility is one: -1 -1 and 0 0 are in use for none."""
    return (x, y) not in ((0, 0), (-1, -1))


def mapping(value: object, key: str) -> dict[Any, Any]:
    """A JSON or YAML object."""
    if not isinstance(value, dict):
        raise LabelError(f"{key}: {shown(value)}, expected an object with keys")
    return value


def entries(value: object, key: str) -> Sequence[Any]:
    """A list of anything."""
    if not isinstance(value, list):
        raise LabelError(f"{key}: {shown(value)}, expected a list")
    return value
