"""Image files: their sizes, as the loader gives them, their places and their paths in labels."""

import struct
import zlib
from pathlib import Path

import mmcv
import pytest
from picture_files import write_picture
from PIL import Image

from mmeiou.labels import ImageError, LabelError
from mmeiou.labels.image_files import (
    image_key,
    image_path,
    is_file,
    list_files,
    list_images,
    upright_size,
)


@pytest.mark.parametrize(
    ("suffix", "orientation"),
    [
        (".bmp", 1),
        (".ppm", 1),
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


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises pixels and has none."""
    chunks = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an image that can be read"),
        (b"no image", "not an image that can be read"),
        (b"P6\n60000 60000\n255\n", r"60000 x 60000 pixels, more than OpenCV reads"),
        (png_header(60_000, 60_000), r"60000 x 60000 pixels, more than OpenCV reads \(1,073,741,8"),
        (png_header(0, 10), "no pixels|not an image"),
    ],
)
def test_not_an_image(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        upright_size(tmp_path / "a.jpg")
    assert str(caught.value).startswith(f"{tmp_path / 'a.jpg'}: ")


def test_large_images_are_no_bombs(tmp_path):
    # More than Pillow decodes without a question, but not more than OpenCV reads.
    limit = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a.ppm").write_bytes(b"P6\n20992 10496\n255\n")
    assert upright_size(tmp_path / "a.ppm")[:2] == (20_992, 10_496)
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize(("mode", "usable"), [("F", False), ("I;16", True), ("RGB", True)])
def test_pictures_of_floats_are_refused(tmp_path, mode, usable):
    path = tmp_path / "a.tiff"
    Image.new(mode, (6, 3)).save(path)
    if usable:
        assert upright_size(path)[:2] == (6, 3)
    else:
        with pytest.raises(ImageError, match=r"a.tiff: pixels are floats, of unknown range"):
            upright_size(path)


def test_a_turned_image_that_cannot_be_decoded(tmp_path):
    path = write_picture(tmp_path / "a.png", (60, 30), 6)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"IDAT") + 6])
    with pytest.raises(ImageError, match=r"a\.png: not an image that OpenCV can decode"):
        upright_size(path)


def test_folders_behind_links_are_looked_into(tmp_path):
    write_picture(tmp_path / "elsewhere/b.JPG")
    write_picture(tmp_path / "images/a.png")
    (tmp_path / "images/notes.txt").touch()
    (tmp_path / "images/train").symlink_to(tmp_path / "elsewhere")
    assert list_files(tmp_path / "images", (".png", ".jpg")) == ["a.png", "train/b.JPG"]


def test_links_in_a_circle_are_passed_once(tmp_path):
    write_picture(tmp_path / "images/a/b.png")
    (tmp_path / "images/a/up").symlink_to(tmp_path / "images")
    (tmp_path / "images/a/self").symlink_to(tmp_path / "images/a")
    (tmp_path / "images/a/nowhere.png").symlink_to(tmp_path / "none.png")
    (tmp_path / "images/a/loop.png").symlink_to(tmp_path / "images/a/loop.png")
    listed = list_files(tmp_path / "images", (".png",))
    assert [file for file in listed if file.endswith("b.png")] == ["a/b.png"]
    assert not is_file(tmp_path / "images/a/loop.png")


def test_images_below_a_folder_without_earlier_output(tmp_path):
    for name in ("b/2.JPG", "b/1.png", "a.txt", "out/b/1.png", "c.jpeg"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert list_images(tmp_path, tmp_path / "out") == ["b/1.png", "b/2.JPG", "c.jpeg"]
    for outside in (tmp_path, tmp_path.parent, tmp_path / "o", None):  # nothing of theirs is output
        assert len(list_images(tmp_path, outside)) == 4
    with pytest.raises(ImageError, match=r"out: no images \(\.bmp"):
        list_images(tmp_path / "out", tmp_path / "out" / "b")


def test_no_images(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(ImageError, match=r"no images \(\.bmp, .*\) in it"):
        list_images(tmp_path)


def test_names_that_no_file_can_have(tmp_path):
    assert not is_file(tmp_path / ("a" * 5000))
    assert not is_file(tmp_path / "a\0b")
    assert not is_file(tmp_path)
    (tmp_path / "a").touch()
    assert is_file(tmp_path / "a")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("a.jpg", "a.jpg"),
        (" a.jpg ", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("sub//a.jpg", "sub/a.jpg"),
        ("sub\\a.jpg", "sub/a.jpg"),
        ("other/../a.jpg", "a.jpg"),
        (".\\other\\..\\a b.jpg", "a b.jpg"),
        ("..a.jpg", "..a.jpg"),
        ("文/ä.jpg", "文/ä.jpg"),
        ("C.jpg", "C.jpg"),
    ],
)
def test_paths_below_the_folder(tmp_path, written, path):
    assert image_path(written, tmp_path) == image_path(written, None) == path


@pytest.mark.parametrize(
    ("written", "path"), [("{}/a.jpg", "a.jpg"), ("{}/x/../y/a.jpg", "y/a.jpg"), ("{}\\a", "a")]
)
def test_absolute_paths_below_the_folder(tmp_path, monkeypatch, written, path):
    absolute = written.format(tmp_path / "images")
    assert image_path(absolute, tmp_path / "images") == path
    monkeypatch.chdir(tmp_path)
    assert image_path(absolute, Path("images")) == path
    with pytest.raises(LabelError, match=r"does not lie below the folder of the images$"):
        image_path(absolute, None)


def test_absolute_paths_behind_a_link(tmp_path):
    write_picture(tmp_path / "elsewhere/a.jpg")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/train").symlink_to(tmp_path / "elsewhere")
    assert image_path(f"{tmp_path}/images/train/a.jpg", tmp_path / "images") == "train/a.jpg"


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "written",
    [
        "../a.jpg",
        "..",
        ".",
        "/",
        "a/../../b.jpg",
        "..\\a.jpg",
        "/a.jpg",
        "//server/a.jpg",
        "\\\\server\\a.jpg",
        "C:\\a.jpg",
        "c:/a.jpg",
    ],
)
def test_paths_that_lead_elsewhere(tmp_path, written, known):
    folder = tmp_path / "images" if known else None
    with pytest.raises(LabelError, match=r"key: .* does not lie below the folder of the images"):
        image_path(written, folder, "key")


@pytest.mark.parametrize(
    "written", ["", "  ", None, 7, ["a.jpg"], {}, b"a.jpg", "a\0.jpg", "a\n.jpg", "\ud800.jpg"]
)
def test_no_paths(tmp_path, written):
    with pytest.raises(LabelError, match=r"image: .*, expected the path of an image") as caught:
        image_path(written, tmp_path)
    str(caught.value).encode()


def test_paths_of_any_length(tmp_path):
    assert image_path("a" * 100_000, tmp_path) == "a" * 100_000
    with pytest.raises(LabelError) as caught:
        image_path("../" + "a" * 100_000, tmp_path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("images/0--Parade/0_Parade_1.jpg", "0--Parade/0_Parade_1"),
        ("images/0--Parade/jpg.of.gpj.jpg", "0--Parade/jpg.of.gpj"),
        (Path("/9--Press/image.png"), "9--Press/image"),
        ("a.jpg", "a"),
        ("./a.jpg", "a"),
        ("/a.jpg", "a"),
    ],
)
def test_image_key(path, key):
    assert image_key(path) == key


def test_image_key_of_the_folder_above(tmp_path, monkeypatch):
    (tmp_path / "faces/below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "faces/below")
    assert image_key("../a.jpg") == "faces/a"
