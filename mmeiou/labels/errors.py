"""What is wrong with labels, detections and pictures: where, what, and all of it."""

import reprlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SHOWN = 20


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # more digits than Python prints
            return f"<a number of {x.bit_length()} bits>"


_SHORT = _Short()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 6
_SHORT.maxlevel = 2


class LabelError(ValueError):
    """Labels or detections that cannot be used; the message begins with file and place.

    Args:
        problem: What is wrong, and what to do.
        where: ``file``, ``file:line`` or ``file: key``, see :func:`at`; empty if ``problem`` says.

    Attributes:
        where: As given.
        problem: As given.
    """

    def __init__(self, problem: str, where: str = "") -> None:
        super().__init__(f"{where}: {problem}" if where else problem)
        self.problem, self.where = problem, where

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled by their message alone, but this one is built from two parts.
        return type(self), (self.problem, self.where)


class ImageError(ValueError):
    """A picture that is missing, damaged, none at all or has no pixels; the message names it."""


def at(file: Path, place: int | str | None = None) -> str:
    """``file``, ``file:line`` or, in files without useful lines, ``file: key``."""
    if isinstance(place, int):
        return f"{file}:{place}"
    return f"{file}: {place}" if place else str(file)


def shown(value: object) -> str:
    """A value for a message: of bounded length, whatever it is, in characters that print."""
    return _SHORT.repr(value).encode("utf-8", "backslashreplace").decode()


@contextmanager
def placing(where: str) -> Iterator[None]:
    """Give an error its place, unless it has one."""
    try:
        yield
    except LabelError as error:
        raise LabelError(error.problem, error.where or where) from error.__cause__


class Problems:
    """Collects problems until somebody asks whether there are any.

    Args:
        drop_bad_boxes: Count boxes that cannot be used instead of refusing the labels. None leaves
            it to the format: refused, but for WIDER FACE's own files, which hold some.

    Attributes:
        counted: How many boxes, images or lines were left out, for each reason, and what else the
            report is to say; see :meth:`count`.
    """

    def __init__(self, *, drop_bad_boxes: bool | None = None) -> None:
        self.drop_bad_boxes = drop_bad_boxes
        self.counted: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._problems: list[LabelError] = []

    def add(self, where: str, problem: str) -> None:
        """Something that makes the labels useless until it is corrected."""
        self._problems.append(LabelError(problem, where))

    @contextmanager
    def noting(self, where: str) -> Iterator[None]:
        """Make a problem of an error, and go on; its own place goes before ``where``."""
        try:
            yield
        except LabelError as error:
            self.add(error.where or where, error.problem)

    def add_box(self, where: str, kind: str, problem: str, *, drop: bool = False) -> None:
        """A single box of no use, which may be left out.

        Args:
            where: File and line.
            kind: What such boxes have in common, for the count.
            problem: What is wrong with this one.
            drop: What to do where ``drop_bad_boxes`` is None.
        """
        if drop if self.drop_bad_boxes is None else self.drop_bad_boxes:
            self.count(f"boxes {kind}, left out", where)
        else:
            self.add(where, problem)

    def count(self, what: str, where: str, number: int = 1) -> None:
        """Something that is left out, or otherwise worth a line of the report."""
        self.counted[what] += number
        self._first.setdefault(what, where)

    def left_out(self) -> list[str]:
        """What was counted, a phrase each, with the place of the first."""
        return [
            f"{count} {what}, first {self._first[what]}" for what, count in self.counted.items()
        ]

    def check(self) -> None:
        """Stop if there are problems.

        Raises:
            LabelError: Listing the first 20 and the number of the others.
        """
        count = len(self._problems)
        if count == 1:
            raise self._problems[0]
        if count:
            lines = [f"{count} problems in the labels:", *map(str, self._problems[:SHOWN])]
            more = [f"... and {count - SHOWN} more"] if count > SHOWN else []
            raise LabelError("\n".join(lines + more))
