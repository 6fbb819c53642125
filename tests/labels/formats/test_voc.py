"""Pascal VOC's xml."""

import pytest
from picture_files import write_picture

from mmeiou.converters.problems import ConversionError
from mmeiou.converters.voc import read_voc

OBJECT = """<object>
<name>face</name>
<difficult>{difficult}</difficult>
<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>30</xmax><ymax>{ymax}</ymax></bndbox>
</object>
"""
XML = """<annotation>
<filename>a.jpg</filename>
<size><width>200</width><height>100</height><depth>3</depth></size>
{objects}</annotation>
"""


def xml(ymax="40", difficult="0", objects=None):
    objects = OBJECT.format(ymax=ymax, difficult=difficult) if objects is None else objects
    return XML.format(objects=objects)


@pytest.fixture
def labels(tmp_path):
    folder = tmp_path / "labels"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.xml").write_text(xml())
    return folder


def test_boxes(source, labels):
    (labels / "sub/b.xml").write_text(xml(difficult="1").replace("a.jpg", "b"))
    found = read_voc(source())
    first, second = found.images
    assert (first.file, first.width, first.height) == ("a.jpg", 200, 100)
    assert first.boxes[0].corners == (11, 21, 30, 40)
    assert first.boxes[0].where.endswith("a.xml:7")
    assert (second.file, second.boxes[0].ignore) == ("sub/b.png", True)
    assert (found.classes, found.landmarks) == (("face",), ())


def test_pixels_from_one(source, labels):
    assert labels.is_dir()
    # pixels 11 to 30 are the twenty from 10 to 30
    assert read_voc(source(), one_based=True).images[0].boxes[0].corners == (10, 20, 30, 40)


def test_renamed_image(source, labels):
    (labels / "a.xml").write_text(xml().replace("a.jpg", "old name.jpg"))
    assert read_voc(source()).images[0].file == "a.jpg"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (xml()[:-20], r"a.xml:\d+: not XML"),
        (xml(ymax="x"), "a.xml:7: ymax is 'x', expected a number"),
        (xml().replace("<ymax>40</ymax>", ""), "a.xml:7: bndbox has no ymax"),
        (xml(objects="<object><name>face</name></object>"), "a.xml:4: an object without a bndbox"),
        (xml(objects="<object/>"), "a.xml:4: an object without a name"),
        (xml(ymax="20"), "a.xml:7: a box of width 19 and height -1"),
        (xml().replace("<width>200", "<width>300"), "label says 300 x 100 pixels, a.jpg has 200 x"),
        (xml().replace("a.jpg", "c.jpg"), "two labels|labels for the one image a.jpg"),
    ],
)
def test_bad_files(source, labels, text, message):
    if "c.jpg" in text:
        (labels / "c.xml").write_text(text.replace("c.jpg", "a.jpg"))
    else:
        (labels / "a.xml").write_text(text)
    with pytest.raises(ConversionError, match=message):
        read_voc(source())


def test_missing_image(source, labels):
    (labels / "c.xml").write_text(xml().replace("a.jpg", "c.jpg"))
    with pytest.raises(ConversionError, match=r"c.xml: its image .*c.jpg does not exist"):
        read_voc(source())


def test_labelled_before_turning(source, labels, images):
    # Stored as 200 x 100, shown as 100 x 200: what LabelImg labels is the former.
    write_picture(images / "a.jpg", orientation=6)
    with pytest.raises(ConversionError, match=r"labelled before turning. Remove the tag"):
        read_voc(source())
    assert labels.is_dir()


def test_no_files(source, tmp_path):
    (tmp_path / "labels").mkdir()
    with pytest.raises(ConversionError, match=r"no \.xml file in or below"):
        read_voc(source())
