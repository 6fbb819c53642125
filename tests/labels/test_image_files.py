"""Sizes of images, as the loader gives them."""

import mmcv
import pytest
from picture_files import write_picture

from mmeiou.converters.choice import Choice
from mmeiou.converters.pictures import PictureError, list_files, upright_size
from mmeiou.converters.problems import ConversionError


@pytest.mark.parametrize(
    ("suffix", "orientation"),
    [
        (".bmp", 1),
        *((suffix, turn) for suffix in (".jpg", ".png", ".webp", ".tiff") for turn in (1, 3, 6)),
    ],
)
def test_size_is_the_loaders(tmp_path, suffix, orientation):
    path = write_picture(tmp_path / f"a{suffix}", (60, 30), orientation)
    height, width = mmcv.imread(str(path)).shape[:2]
    size = upright_size(path)
    assert size[:2] == (width, height)
    assert size.turned == (orientation != 1)
    if suffix == ".jpg":
        assert size[:2] == ((30, 60) if orientation == 6 else (60, 30))


def test_not_an_image(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(PictureError, match="not an image"):
        upright_size(tmp_path / "a.jpg")


def test_folders_behind_links_are_looked_into(tmp_path):
    write_picture(tmp_path / "elsewhere/b.JPG")
    write_picture(tmp_path / "images/a.png")
    (tmp_path / "images/notes.txt").touch()
    (tmp_path / "images/train").symlink_to(tmp_path / "elsewhere")
    assert list_files(tmp_path / "images", (".png", ".jpg")) == ["a.png", "train/b.JPG"]


def test_lists(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("images/train/a.jpg\n./sub/b.png\n000012  1\n\n000013 -1\n")
    choice = Choice(path)
    assert "train/a.jpg" in choice  # the images start from images/
    assert "elsewhere/sub/b.png" in choice
    assert "000012.jpg" in choice
    assert "deep/000013.jpg" in choice
    assert "val/a.jpg" not in choice
    assert "b.jpg" not in choice
    path.write_text("\n")
    with pytest.raises(ConversionError, match="an empty list"):
        Choice(path)
