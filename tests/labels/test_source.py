"""Which images are wanted, and how large they are."""

import pytest
from picture_files import write_picture

from mmeiou.labels import LabelError, Source
from mmeiou.labels.image_list import ImageList


def test_what_is_wanted(tmp_path):
    (tmp_path / "list.txt").write_text("train/a.jpg\nval/a.jpg\n")
    every = Source(tmp_path)
    below = Source(tmp_path, below="train")
    listed = Source(tmp_path, listed=ImageList(tmp_path / "list.txt"))
    both = Source(tmp_path, below="train", listed=listed.listed)
    for file, expected in {
        "train/a.jpg": (True, True, True, True),
        "val/a.jpg": (True, False, True, False),
        "train/b.jpg": (True, True, False, False),
        "training/a.jpg": (True, False, False, False),
    }.items():
        assert tuple(one.wants(file) for one in (every, below, listed, both)) == expected


def test_label_files(tmp_path):
    for name in ("b.xml", "sub/a.XML", "a.json"):
        (tmp_path / "labels" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "labels" / name).touch()
    folder = Source(tmp_path / "labels")
    assert folder.label_files(".xml") == [tmp_path / "labels/b.xml", tmp_path / "labels/sub/a.XML"]
    single = Source(tmp_path / "labels/a.json")
    assert single.label_files(".xml") == [tmp_path / "labels/a.json"]
    with pytest.raises(LabelError, match=r"labels: no \.txt file in or below it"):
        folder.label_files(".txt")


def test_pictures(source, images):
    write_picture(images / "sub/c.jpg")
    assert source().pictures() == ["a.jpg", "sub/b.png", "sub/c.jpg"]
    assert source(below="sub").pictures() == ["sub/b.png", "sub/c.jpg"]


def test_the_folder_of_the_images_may_be_needed(tmp_path):
    with pytest.raises(LabelError, match=r"x: needs the folder of the images, too"):
        Source(tmp_path / "x").pictures()


@pytest.mark.parametrize(
    ("written", "folder", "file"),
    [
        ("a.jpg", "", "a.jpg"),
        ("a.jpg", ".", "a.jpg"),
        ("a.jpg", "sub", "sub/a.jpg"),
        ("../a.jpg", "sub", "a.jpg"),
        ("..\\a.jpg", "sub", "a.jpg"),
    ],
)
def test_image_files(source, written, folder, file):
    assert source().image_file(written, "key", folder) == file


@pytest.mark.parametrize(("written", "folder"), [("../../a.jpg", "sub"), ("", "sub"), (7, "sub")])
def test_no_image_files(source, written, folder):
    with pytest.raises(LabelError, match=r"^key: "):
        source().image_file(written, "key", folder)


def test_sizes(source, tmp_path):
    made = source()
    assert made.size("a.jpg", "here") == (200, 100)
    assert made.size("a.jpg", "here", (200, 100)) == (200, 100)
    # As the labels say, where the images are not looked at.
    assert Source(tmp_path).size("a.jpg", "here", (3, 4)) == (3, 4)
    assert Source(tmp_path).size("a.jpg", "here") is None


@pytest.mark.parametrize(
    ("file", "stated", "message"),
    [
        ("no.jpg", None, r"here: its image .*no.jpg does not exist; is the folder right\?"),
        ("sub", None, r"here: its image .*sub does not exist"),
        ("bad.jpg", None, r"here: .*bad.jpg: not an image that can be read"),
        ("a.jpg", (100, 200), r"^here: the label says 100 x 200 pixels, a.jpg has 200 x 100$"),
    ],
)
def test_sizes_of_no_use(source, images, file, stated, message):
    (images / "bad.jpg").write_bytes(b"bad")
    with pytest.raises(LabelError, match=message):
        source().size(file, "here", stated)


def test_turned_images_are_counted_once_and_said(source, images):
    write_picture(images / "a.jpg", orientation=6)
    made = source()
    assert made.size("a.jpg", "here") == (100, 200)
    assert made.size("a.jpg", "here", (100, 200)) == (100, 200)
    assert made.problems.left_out() == [
        f"1 images turned upright by EXIF, first {images / 'a.jpg'}"
    ]
    with pytest.raises(LabelError, match=r"labelled before turning. Remove the tag from the im"):
        made.size("a.jpg", "here", (200, 100))
    with pytest.raises(LabelError, match=r"has 100 x 200$"):  # which turning does not explain
        made.size("a.jpg", "here", (200, 101))
