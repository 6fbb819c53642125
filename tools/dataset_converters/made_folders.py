"""Folders that are made when the first file is written into them."""

from pathlib import Path


def made(file: Path) -> Path:
    """The file, in a folder that is there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return file
