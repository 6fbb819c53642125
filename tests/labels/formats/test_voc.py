"""Pascal VOC's xml."""

import pytest
from picture_files import write_picture

from mmeiou.labels import LabelError, Source
from mmeiou.labels.formats.voc import read
from mmeiou.labels.image_list import ImageList

OBJECT = """<object>
<name>face</name>
<difficult>{difficult}</difficult>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>
</object>
"""
XML = """<annotation>
<filename>{image}</filename>
<size><width>{width}</width><height>100</height><depth>3</depth></size>
{objects}</annotation>
"""
# Entities of entities: a gigabyte.
ENTITIES = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 9))
BOMB = f'<!DOCTYPE a [<!ENTITY e0 "0123456789">{ENTITIES}]><annotation>&e8;</annotation>'


def xml(xmax="30", ymax="40", difficult="0", objects=None, image="a.jpg", width="200"):
    if objects is None:
        objects = OBJECT.format(xmax=xmax, ymax=ymax, difficult=difficult)
    return XML.format(objects=objects, image=image, width=width)


@pytest.fixture
def labels(tmp_path):
    folder = tmp_path / "labels"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.xml").write_text(xml())
    return folder


def test_boxes(source, labels):
    (labels / "sub/b.xml").write_text(xml(difficult="1", image="b"))
    found = read(source())
    first, second = found.images
    assert (first.file, first.size) == ("a.jpg", (200, 100))
    assert first.bboxes.tolist() == [[11, 21, 30, 40]]
    assert first.ignore.tolist() == [False]
    assert first.where[0].endswith("a.xml:7")
    assert (second.file, second.ignore.tolist()) == ("sub/b.png", [True])
    assert (found.classes, found.landmarks) == (("face",), ())


def test_pixels_from_one(source, labels):
    assert labels.is_dir()
    # pixels 11 to 30 are the twenty from 10 to 30
    assert read(source(), one_based=True).images[0].bboxes.tolist() == [[10, 20, 30, 40]]


def test_a_single_file(source, labels):
    (labels / "a.xml").rename(labels.parent / "a.xml")
    assert read(source("a.xml")).images[0].file == "a.jpg"


@pytest.mark.parametrize(
    "image", ["old name.jpg", "", "C:\\old\\a.jpg", "/old/a.jpg", "../a.jpg", "a", "x" * 5000]
)
def test_renamed_image(source, labels, image):
    (labels / "a.xml").write_text(xml(image=image))
    assert read(source()).images[0].file == "a.jpg"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("0", False),
        ("", False),
        ("Unspecified", False),
        ("False", False),
        (" 0 ", False),
        ("1", True),
        ("True", True),
        ("1.0", True),
    ],
)
def test_difficult(source, labels, text, meaning):
    (labels / "a.xml").write_text(xml(difficult=text))
    assert read(source()).images[0].ignore.tolist() == [meaning]


def test_blanks_around_values(source, labels):
    text = xml().replace(">face<", ">\n face\n<").replace(">11<", "> 11 <")
    (labels / "a.xml").write_text(text)
    found = read(source())
    assert found.classes == ("face",)
    assert found.images[0].bboxes.tolist() == [[11, 21, 30, 40]]


def test_what_has_no_difficult_is_not(source, labels):
    (labels / "a.xml").write_text(xml().replace("<difficult>0</difficult>", ""))
    assert read(source()).images[0].ignore.tolist() == [False]


@pytest.mark.parametrize("width", ["200.0", "0", "", " 200 "])
def test_sizes_as_others_write_them(source, labels, width):
    (labels / "a.xml").write_text(xml(width=width))
    assert read(source()).images[0].size == (200, 100)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (xml()[:-20], r"a.xml:\d+: not XML"),
        ("", r"a.xml:1: not XML"),
        ("<annotations/>", r"a.xml: root <annotations>, expected Pascal's .* export Pascal VOC"),
        ("<html/>", r"a.xml: root <html>, expected Pascal's <annotation>"),
        (xml(ymax="x"), "a.xml:7: ymax: 'x', expected a number"),
        (xml(ymax=""), "a.xml:7: ymax: '', expected a number"),
        (xml(ymax="nan"), "a.xml:7: ymax: nan, expected a finite number"),
        (xml(ymax="1e999"), "a.xml:7: ymax: inf, expected a finite number"),
        (xml(ymax="9" * 5000), "a.xml:7: ymax: inf, expected a finite number"),
        (xml().replace("<ymax>40</ymax>", ""), "a.xml:7: bndbox has no ymax"),
        (xml(difficult="maybe"), "a.xml:6: difficult: 'maybe', expected 0 or 1"),
        (xml(objects="<object><name>face</name></object>"), "a.xml:4: an object without a bndbox"),
        (xml(objects="<object><bndbox/></object>"), "a.xml:4: name of an object: '', expected"),
        (xml(ymax="20"), "a.xml:7: a box of width 19 and height -1"),
        (xml(ymax="21.5"), "a.xml:7: a box of width 19 and height 0.5"),
        (xml().replace("<xmin>11", "<xmin>211").replace("<xmax>30", "<xmax>230"), "lies outside"),
        (xml(width="300"), "a.xml: the label says 300 x 100 pixels, a.jpg has 200 x 100"),
        (xml(width="inf"), "a.xml:3: width: inf, expected a finite number"),
        (xml(width="-200"), "a.xml:3: width: '-200', expected a number of pixels"),
        (BOMB, r"a.xml:1: not XML \(limit on input amplification"),
        ('<?xml version="1.0" encoding="nonsense"?><annotation/>', r"a.xml:1: not XML"),
    ],
)
def test_bad_files(source, labels, text, message):
    (labels / "a.xml").write_text(text)
    with pytest.raises(LabelError, match=message) as caught:
        read(source())
    assert str(caught.value).startswith(f"{labels / 'a.xml'}:")


@pytest.mark.parametrize("depth", [100, 400_000])
def test_deep_nesting(source, labels, depth):
    deep = "<part>" * depth + "</part>" * depth
    (labels / "a.xml").write_text(xml(objects=deep))
    assert len(read(source()).images[0]) == 0


def test_encodings(source, labels):
    (labels / "a.xml").write_bytes(b"\xef\xbb\xbf" + xml().replace("\n", "\r\n").encode())
    assert len(read(source()).images[0]) == 1
    (labels / "a.xml").write_text(
        '<?xml version="1.0" encoding="iso-8859-1"?>'
        + xml(objects=OBJECT.replace("face", "gesicht ä").format(xmax=30, ymax=40, difficult=0)),
        encoding="latin-1",
    )
    assert read(source()).classes == ("gesicht ä",)


def test_two_files_for_an_image(source, labels):
    (labels / "c.xml").write_text(xml())
    with pytest.raises(LabelError, match=r"c.xml: a.jpg a second time, after .*a.xml; give it one"):
        read(source())


def test_missing_image(source, labels):
    (labels / "c.xml").write_text(xml(image="c.jpg"))
    with pytest.raises(LabelError, match=r"c.xml: its image .*c.jpg does not exist"):
        read(source())


def test_labelled_before_turning(source, labels, images):
    # Stored as 200 x 100, shown as 100 x 200: what LabelImg labels is the former.
    write_picture(images / "a.jpg", orientation=6)
    with pytest.raises(LabelError, match=r"labelled before turning. Remove the tag"):
        read(source())
    assert labels.is_dir()


def test_what_is_left_out_is_counted(source, labels, tmp_path):
    mask = OBJECT.replace("face", "mask").format(xmax=30, ymax=40, difficult=0)
    small = OBJECT.format(xmax="11.5", ymax=40, difficult=0)
    (labels / "a.xml").write_text(xml(objects=mask + small))
    (tmp_path / "list.txt").write_text("a\nsub/b\nc 1\n")
    made = source(drop_bad_boxes=True, classes=("face",), listed=ImageList(tmp_path / "list.txt"))
    assert [len(image) for image in read(made).images] == [0]
    assert made.problems.counted == {
        "boxes of class mask, which is not chosen": 1,
        "boxes smaller than a pixel, left out": 1,
        "images without a label file or entry, left out": 1,
        "lines of the list without such an image": 1,
    }


def test_without_the_images(labels):
    (labels / "a.xml").write_text(xml(image="C:\\faces\\a.jpg"))
    assert read(Source(labels)).images[0].file == "a.jpg"
    (labels / "a.xml").write_text(xml(width="0"))
    assert read(Source(labels)).images[0].size is None


def test_no_files(source, tmp_path):
    (tmp_path / "labels").mkdir()
    with pytest.raises(LabelError, match=r"no \.xml file in or below"):
        read(source())
