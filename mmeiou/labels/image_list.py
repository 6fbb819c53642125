"""Lists of images, one a line, such as ``ImageSets/Main/train.txt`` or YOLO's ``train.txt``."""

import re
from pathlib import Path, PurePosixPath

from mmeiou.labels.errors import LabelError, at
from mmeiou.labels.text_files import read_lines

_FLAG = re.compile(r"\s(-?1|0)$")

_DEEPEST = 64  # folders of a path that are compared

Parts = tuple[str, ...]


class ImageList:
    """The images of a list: ``file in images``.

    An image is in the list if its path ends as a listed path does, or the other way round: the two
    may start from different folders. Suffixes may be missing in the list, and a -1, 0 or 1 after
    the name, as in Pascal's lists of a class, is read over.

    Args:
        file: The list.

    Raises:
        LabelError: It names no image.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: dict[Parts, int] = {}
        for line, text in read_lines(file):
            path = _FLAG.sub("", text).strip().replace("\\", "/")
            self._lines.setdefault(PurePosixPath(path).parts, line)
        if not self._lines:
            raise LabelError("an empty list of images", str(file))
        self._by_end: dict[Parts, set[Parts]] = {}
        for listed in self._lines:
            for end in _ends(listed):
                self._by_end.setdefault(end, set()).add(listed)
        self._met: set[Parts] = set()

    def __contains__(self, file: str) -> bool:
        path = PurePosixPath(file)
        listed: set[Parts] = set()
        for parts in (path.parts, path.with_suffix("").parts):
            listed |= self._by_end.get(parts, set())
            listed |= self._lines.keys() & set(_ends(parts))
        self._met |= listed
        return bool(listed)

    def unmet(self) -> list[str]:
        """Places of the lines that no image asked for so far is on."""
        return [
            at(self.file, line) for parts, line in self._lines.items() if parts not in self._met
        ]


def _ends(parts: Parts) -> list[Parts]:
    return [parts[start:] for start in range(max(len(parts) - _DEEPEST, 0), len(parts))]
