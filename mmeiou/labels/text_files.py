"""Texts and JSON, read in one way."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mmeiou.labels.errors import LabelError, at, shown


def read_text(file: Path) -> str:
    """The text of a file in UTF-8, without a byte order mark, its lines ended by a line feed.

    Raises:
        LabelError: It is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(f"not a UTF-8 text ({error}); save it as UTF-8", str(file)) from error


def read_lines(file: Path) -> list[tuple[int, str]]:
    """The lines with something in them, without the blanks around it, and their numbers from 1."""
    stripped = ((line, text.strip()) for line, text in enumerate(read_text(file).split("\n"), 1))
    return [(line, text) for line, text in stripped if text]


def read_json(file: Path) -> Any:
    """What a JSON file holds.

    Raises:
        LabelError: It is none; names the line if that is known.
    """
    text = read_text(file)
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise LabelError(f"not JSON ({error})", at(file, error.lineno)) from error
    except LabelError as error:
        raise LabelError(error.problem, str(file)) from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits; endless depth
        raise LabelError(f"not JSON of sensible size ({error})", str(file)) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of two values of one key JSON itself would keep the second, unsaid."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        key = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise LabelError(f"the key {shown(key)} twice in one object")
    return entries
