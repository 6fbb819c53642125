"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name of the same suffix that becomes ``path`` if all goes well.

    The folder of ``path`` is made. On an error nothing is left, and an earlier file is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
    unfinished = scratch / path.name
    try:
        yield unfinished
        os.replace(unfinished, path)  # noqa: PTH105 - Path.replace reads like str.replace
    finally:
        unfinished.unlink(missing_ok=True)
        scratch.rmdir()
