"""Rows of numbers, parsed in bulk, that still know the line they came from."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmeiou.datasets.readers.face_label import LabelError


class Rows:
    """The face rows of a label file.

    Args:
        file: The label file, for error messages.
        texts: One row of blank-separated numbers each.
        lines: Line number of each row.

    Raises:
        LabelError: A column is not a finite number.
    """

    def __init__(self, file: Path, texts: Sequence[str], lines: Sequence[int]) -> None:
        self.file = file
        self.lines = np.asarray(lines, dtype=np.int64)
        self.widths = np.array([len(text.split()) for text in texts], dtype=np.int64)
        self._starts = np.cumsum(self.widths) - self.widths
        try:
            self._values = np.array(list(map(float, " ".join(texts).split())))
        except ValueError:
            raise self._malformed(texts) from None
        if not np.isfinite(self._values).all():
            raise self._malformed(texts)

    def __len__(self) -> int:
        return len(self.lines)

    def _malformed(self, texts: Sequence[str]) -> LabelError:
        row, word = next(
            (row, word)
            for row, text in enumerate(texts)
            for word in text.split()
            if not is_finite_number(word)
        )
        return self.error(row, f"{word!r} is not a finite number")

    def error(self, row: int | np.integer, problem: str) -> LabelError:
        """The error about one row."""
        return LabelError(self.file, int(self.lines[row]), problem)

    def require_widths(self, allowed: Sequence[int], expected: str) -> None:
        """Check the column counts.

        Raises:
            LabelError: Naming the first row that has another number of columns.
        """
        wrong = np.flatnonzero(~np.isin(self.widths, allowed))
        if wrong.size:
            found = self.widths[wrong[0]]
            raise self.error(wrong[0], f"{found} numbers in a face line, expected {expected}")

    def columns(
        self, first: int, count: int, rows: NDArray[np.bool_] | slice = slice(None)
    ) -> NDArray[np.float64]:
        """Columns ``first`` to ``first + count`` of the chosen rows, ``(n, count)``."""
        return self._values[self._starts[rows, None] + np.arange(first, first + count)]


def is_finite_number(word: str) -> bool:
    """Whether a word of a label file is a number other than NaN and infinity."""
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
