"""Names of files and folders that tell them apart, for tables and figures."""

import os
from collections.abc import Sequence
from pathlib import Path


def short_names(paths: Sequence[Path]) -> list[str]:
    """The last parts of each path, as few as tell all apart; a link has its own name.

    Raises:
        ValueError: If one is given twice.
    """
    parts = [Path(os.path.abspath(path)).parts for path in paths]  # noqa: PTH100
    for number, path in enumerate(paths):
        if parts[number] in parts[:number]:
            raise ValueError(f"{path} is given twice")
    length = 1
    while len({of[-length:] for of in parts}) < len(parts):
        length += 1
    return ["/".join(of[-length:]) for of in parts]
