"""A source that reads labels made by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from picture_files import write_picture

from mmeiou.labels.errors import Problems
from mmeiou.labels.source import Source


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Folder of a.jpg and sub/b.png, 200 x 100 pixels each."""
    folder = tmp_path / "images"
    write_picture(folder / "a.jpg")
    write_picture(folder / "sub" / "b.png")
    return folder


@pytest.fixture
def source(images: Path, tmp_path: Path) -> Callable[..., Source]:
    """Maker of sources."""

    def make(labels: str = "labels", *, drop_bad_boxes: bool = False, **options: Any) -> Source:
        problems = Problems(drop_bad_boxes=drop_bad_boxes)
        return Source(tmp_path / labels, images, problems, **options)

    return make
