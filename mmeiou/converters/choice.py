"""Lists of images, one a line, such as ``ImageSets/Main/train.txt`` or YOLO's ``train.txt``."""

import re
from pathlib import Path, PurePosixPath

from mmeiou.converters.problems import ConversionError, read_text

_FLAG = re.compile(r"\s+(-?1|0)$")


class Choice:
    """The images of a list: ``file in choice``.

    An image is in the list if its path ends as a listed path does, or the other way round: the two
    may start from different folders. Suffixes may be missing in the list, and a -1, 0 or 1 after
    the name, as in Pascal's lists of a class, is read over.

    Args:
        file: The list.

    Raises:
        ConversionError: It names no image.
    """

    def __init__(self, file: Path) -> None:
        lines = (_FLAG.sub("", line.strip()) for line in read_text(file).splitlines())
        self._listed = {tuple(PurePosixPath(line).parts) for line in lines if line}
        if not self._listed:
            raise ConversionError(f"{file}: an empty list of images")
        self._ends = {end for listed in self._listed for end in _ends(listed)}

    def __contains__(self, file: str) -> bool:
        path = PurePosixPath(file)
        return any(
            parts in self._ends or not self._listed.isdisjoint(_ends(parts))
            for parts in (path.parts, path.with_suffix("").parts)
        )


def _ends(parts: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {parts[start:] for start in range(len(parts))}
