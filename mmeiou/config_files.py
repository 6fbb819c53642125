"""Configs by their path or, as mim finds them, by their name alone."""

from difflib import get_close_matches
from os import PathLike
from pathlib import Path

PACKAGE = Path(__file__).parent
# Of a wheel, and of a checkout.
SHIPPED = (PACKAGE / ".mim" / "configs", PACKAGE.parent / "configs")


def find_config(name: str | PathLike[str]) -> Path:
    """The file ``name``, or, as mim does it, the shipped config of that file name.

    Raises:
        FileNotFoundError: If there is neither; with names that are alike.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = {
        found.name: found
        for folder in SHIPPED
        for found in sorted(folder.glob("[!_]*/*.py"))  # not _base_
    }
    if path.name == str(path) and path.name in shipped:
        return shipped[path.name]
    alike = get_close_matches(path.name, shipped, n=3)
    hint = f"; shipped configs with such a name: {', '.join(alike)}" if alike else ""
    raise FileNotFoundError(f"config not found: {name} ({path.absolute()}){hint}")
