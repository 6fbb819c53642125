"""Rows of numbers, parsed in bulk, that still know the line they came from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmeiou.labels.errors import LabelError, at, placing
from mmeiou.labels.records import Bools, Floats
from mmeiou.labels.values import LARGEST, written_number


class Rows:
    """Lines of blank-separated numbers.

    Args:
        file: The label file, for error messages.
        texts: One row each.
        lines: Line number of each row.

    Raises:
        LabelError: A column is not a number of sensible size.
    """

    def __init__(self, file: Path, texts: Sequence[str], lines: Sequence[int]) -> None:
        self.file = file
        self.lines = np.asarray(lines, dtype=np.int64)
        self.widths = np.array([len(text.split()) for text in texts], dtype=np.int64)
        self._starts = np.cumsum(self.widths) - self.widths
        words = " ".join(texts).split()
        try:
            self._values = np.array(list(map(float, words)))
        except ValueError:
            self._values = np.array([np.nan])
        if not (np.abs(self._values) <= LARGEST).all():  # NaN is not
            self._refuse(texts)

    def _refuse(self, texts: Sequence[str]) -> None:
        for row, text in enumerate(texts):
            with placing(self.where(row)):
                for column, word in enumerate(text.split(), start=1):
                    written_number(word, f"column {column}")

    def __len__(self) -> int:
        return len(self.lines)

    def error(self, row: int | np.integer, problem: str) -> LabelError:
        """The error about one row."""
        return LabelError(problem, self.where(row))

    def where(self, row: int | np.integer) -> str:
        """File and line of a row."""
        return at(self.file, int(self.lines[row]))

    def require_widths(self, allowed: Sequence[int], expected: str) -> None:
        """Check the column counts.

        Raises:
            LabelError: Naming the first row that has another number of columns.
        """
        wrong = np.flatnonzero(~np.isin(self.widths, allowed))
        if wrong.size:
            found = self.widths[wrong[0]]
            raise self.error(wrong[0], f"{found} numbers in a face line, expected {expected}")

    def columns(self, first: int, count: int, rows: Bools | slice = slice(None)) -> Floats:
        """Columns ``first`` to ``first + count`` of the chosen rows, ``(n, count)``."""
        return self._values[self._starts[rows, None] + np.arange(first, first + count)]

    def flags(self, column: int, key: str) -> NDArray[np.bool_]:
        """A column of 0 and 1.

        Raises:
            LabelError: Naming the first row with something else.
        """
        values = self.columns(column, 1)[:, 0]
        wrong = np.flatnonzero(~np.isin(values, (0, 1)))
        if wrong.size:
            raise self.error(wrong[0], f"{key}: {values[wrong[0]]:g}, expected 0 or 1")
        return values == 1


def is_number(word: str) -> bool:
    """Whether a word of a label file is a number."""
    try:
        written_number(word, "")
    except LabelError:
        return False
    return True
