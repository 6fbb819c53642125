"""Files that appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

_SCRATCH = ".unfinished-"


@contextmanager
def replacing(path: Path, *, flush: bool = False) -> Iterator[Path]:
    """Give a temporary name of the same suffix that becomes ``path`` if all goes well.

    The folder of ``path`` is made. On an error nothing is left, and an earlier file is kept; of a
    process that is killed, a folder that :func:`remove_unfinished` removes.

    Args:
        path: The file.
        flush: Wait until the disk has the file, then its name. Without, a crash of the system, not
            of the process, may leave a file without its content.

    Raises:
        IsADirectoryError: At once, if ``path`` is a folder.
        OSError: At once, if nothing can be written beside it.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=f"{_SCRATCH}{path.stem}-", dir=path.parent))
    unfinished = scratch / path.name
    try:
        yield unfinished
        if flush:
            _flush(unfinished)
        os.replace(unfinished, path)  # noqa: PTH105 - Path.replace reads like str.replace
        if flush:
            _flush(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)
        scratch.rmdir()


def remove_unfinished(folder: Path) -> list[Path]:
    """Remove what killed processes left of their files in a folder.

    For a folder in which no other process is writing.

    Returns:
        The files that never became whole, by the names that they would have had.
    """
    left = sorted(folder.glob(f"{_SCRATCH}*/"))
    names = [folder / file.name for scratch in left for file in scratch.iterdir()]
    for scratch in left:
        shutil.rmtree(scratch)
    return names


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # where folders cannot be opened
        return
    descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
