"""Lists of images."""

import pytest

from mmeiou.labels import LabelError
from mmeiou.labels.image_list import ImageList


@pytest.fixture
def listed(tmp_path):
    def listed(text):
        (tmp_path / "train.txt").write_bytes(text.encode())
        return ImageList(tmp_path / "train.txt")

    return listed


def test_ends_of_paths(listed):
    images = listed("images/train/a.jpg\n./sub/b.png\n000012  1\n\n000013 -1\n")
    assert "train/a.jpg" in images  # the images start from images/
    assert "elsewhere/sub/b.png" in images
    assert "000012.jpg" in images
    assert "deep/000013.jpg" in images
    assert "val/a.jpg" not in images
    assert "b.jpg" not in images
    assert "in/a.jpg" not in images


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("\ufeffa.jpg\r", "a.jpg"),
        (" a.jpg ", "a.jpg"),
        ("sub\\a.jpg", "sub/a.jpg"),
        ("C:\\data\\sub\\a.jpg", "sub/a.jpg"),
        ("/data/sub/a.jpg", "sub/a.jpg"),
        ("../images/sub/a.jpg", "sub/a.jpg"),
        ("a b 1", "a b.jpg"),
        ("a b", "a b.jpg"),
        ("a 0", "a.jpg"),
        ("v1.0.a", "v1.0.a.jpg"),
        ("a.jpg", "deep/sub/a.jpg"),
    ],
)
def test_lines_as_others_write_them(listed, line, file):
    images = listed(f"{line}\n")
    assert file in images
    assert images.unmet() == []


def test_lines_that_no_image_is_on(listed, tmp_path):
    images = listed("a.jpg\n\nb.jpg\nc.jpg\nb.jpg\n")
    assert "a.jpg" in images
    assert "d.jpg" not in images
    # A line that repeats another is not asked for again.
    assert images.unmet() == [f"{tmp_path / 'train.txt'}:{line}" for line in (3, 4)]


def test_an_image_that_two_lines_name(listed):
    images = listed("train/a.jpg\na\n")
    assert "train/a.jpg" in images
    assert images.unmet() == []


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff\n"])
def test_empty_list(listed, text):
    with pytest.raises(LabelError, match=r"train\.txt: an empty list of images"):
        listed(text)


def test_no_list(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\0")
    with pytest.raises(LabelError, match=r"train\.txt: not a UTF-8 text"):
        ImageList(tmp_path / "train.txt")
