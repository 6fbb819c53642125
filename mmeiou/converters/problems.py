"""What is wrong with some labels: all of it, not only the first line."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHOWN = 20


class ConversionError(ValueError):
    """Labels that cannot be converted; the message lists the problems, a line each."""


class PlacedError(ConversionError):
    """A problem whose place only the code that found it knows."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where, self.problem = where, problem


def read_text(file: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        PlacedError: It is not UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlacedError(at(file), f"not a UTF-8 text ({error})") from error


def at(file: Path, place: int | str | None = None) -> str:
    """``file``, ``file:line`` or, in files without useful lines, ``file: key``."""
    if isinstance(place, int):
        return f"{file}:{place}"
    return f"{file}: {place}" if place else str(file)


class Problems:
    """Collects problems until somebody asks whether there are any.

    Args:
        drop_bad_boxes: Count boxes that cannot be used instead of refusing the labels.

    Attributes:
        dropped: How many boxes were left out, for each reason.
    """

    def __init__(self, *, drop_bad_boxes: bool = False) -> None:
        self.drop_bad_boxes = drop_bad_boxes
        self.dropped: Counter[str] = Counter()
        self._lines: list[str] = []

    def add(self, where: str, problem: str) -> None:
        """Something that makes the labels useless until it is corrected."""
        self._lines.append(f"{where}: {problem}")

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Make a problem of a ValueError, and go on."""
        try:
            yield
        except PlacedError as error:
            self.add(error.where, error.problem)
        except ValueError as error:
            self.add(where, str(error))

    def add_box(self, where: str, kind: str, problem: str) -> None:
        """A single box of no use, which may be left out.

        Args:
            where: File and line.
            kind: What such boxes have in common, for the count.
            problem: What is wrong with this one.
        """
        if self.drop_bad_boxes:
            self.dropped[kind] += 1
        else:
            self.add(where, f"{problem}; correct it, or convert with --drop-bad-boxes")

    def check(self) -> None:
        """Stop if there are problems.

        Raises:
            ConversionError: Listing the first 20 and the number of the others.
        """
        if self._lines:
            count = len(self._lines)
            more = [f"... and {count - SHOWN} more"] if count > SHOWN else []
            title = f"{count} problem{'s' * (count != 1)} in the labels:"
            raise ConversionError("\n".join([title, *self._lines[:SHOWN], *more]))
