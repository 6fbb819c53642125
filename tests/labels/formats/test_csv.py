"""CSV files."""

import pytest

from mmeiou.converters.csv_rows import read_csv
from mmeiou.converters.labels import Point
from mmeiou.converters.problems import ConversionError

EYES = "left_eye_x,left_eye_y,left_eye_v,right_eye_x,right_eye_y"


def read(source, tmp_path, text, **options):
    (tmp_path / "labels.csv").write_text(text)
    return read_csv(source("labels.csv", **options))


def test_boxes_and_landmarks(source, tmp_path):
    labels = read(
        source,
        tmp_path,
        f"image,x1,y1,x2,y2,class,ignore,{EYES}\n"
        "a.jpg,10,20,30.5,40,face,0,15,25,1,25,25\n"
        "sub/b.png,0,0,9,9,face,1,,,,,\n"
        "a.jpg,50,20,70,40,mask,,15,25,0,,\n",
    )
    first, second = labels.images
    assert [box.corners for box in first.boxes] == [(10, 20, 30.5, 40), (50, 20, 70, 40)]
    assert first.boxes[0].points == {"left_eye": Point(15, 25, 1), "right_eye": Point(25, 25, 2)}
    assert first.boxes[1].points == {}
    assert first.boxes[1].where.endswith("labels.csv:4")
    assert (second.file, second.boxes[0].ignore) == ("sub/b.png", True)
    assert labels.classes == ("face", "mask")
    assert (labels.landmarks, labels.flip_pairs) == (("left_eye", "right_eye"), ((0, 1),))


@pytest.mark.parametrize(
    "text",
    [
        "filename;XMIN;ymin;xmax;ymax\na.jpg;10;20;30;40\n",
        "\ufeffpath\tx\ty\tw\th\na.jpg\t10\t20\t20\t20\n",
        "file,width,height,label,x1,y1,x2,y2\na.jpg,200,100,face,10,20,30,40\n",
    ],
)
def test_other_columns(source, tmp_path, text):
    labels = read(source, tmp_path, text)
    assert labels.images[0].boxes[0].corners == (10, 20, 30, 40)
    assert labels.classes == ("face",)


def test_images_without_boxes(source, tmp_path):
    labels = read(source, tmp_path, "image,x1,y1,x2,y2\na.jpg,,,,\nsub/b.png,1,1,9,9\n")
    assert [len(image.boxes) for image in labels.images] == [0, 1]


HEADER = "image,x1,y1,x2,y2,class,left_eye_x,left_eye_y,left_eye_v\n"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.jpg,10,20,30,40,face,1,2", "csv:2: more or fewer columns"),
        ("a.jpg,10,20,30,40,face,1,2,2,5", "csv:2: more or fewer columns"),
        ("a.jpg,10,20,x,40,face,1,2,2", "csv:2: x2 is 'x', expected a number"),
        ("a.jpg,10,20,30,,face,1,2,2", "csv:2: y2 is '', expected a number"),
        ("a.jpg,10,20,30,40,,1,2,2", "csv:2: no name in column class"),
        (",10,20,30,40,face,1,2,2", "csv:2: no path in column image"),
        ("a.jpg,10,20,30,40,face,1,2,3", "csv:2: left_eye_v is 3, expected 0, 1 or 2"),
        ("a.jpg,10,20,30,40,face,1,,2", "csv:2: left_eye_y is '', expected a number"),
        ("a.jpg,10,20,5,40,face,1,2,2", "csv:2: a box of width -5"),
        ("a.jpg,10,20,inf,40,face,1,2,2", "csv:2: a number that is not finite"),
        ("no.jpg,10,20,30,40,face,1,2,2", r"csv:2: its image .*no.jpg does not exist"),
        ("../x.jpg,10,20,30,40,face,1,2,2", r"csv:2: its image .* is not below --images"),
    ],
)
def test_bad_rows_are_named(source, tmp_path, row, message):
    with pytest.raises(ConversionError, match=message):
        read(source, tmp_path, HEADER + row + "\n")


def test_no_header(source, tmp_path):
    with pytest.raises(ConversionError, match=r"csv:1: the first row names the columns"):
        read(source, tmp_path, "a.jpg,10,20,30,40,face\n")


def test_every_problem_is_listed_up_to_twenty(source, tmp_path):
    rows = "".join(f"a.jpg,{i},x,30,40,face,,,\n" for i in range(25))
    with pytest.raises(ConversionError) as error:
        read(source, tmp_path, HEADER + rows)
    lines = str(error.value).splitlines()
    assert lines[0] == "25 problems in the labels:"
    assert len(lines) == 22
    assert "csv:21: " in lines[20]
    assert lines[-1] == "... and 5 more"


def test_unusable_boxes_can_be_left_out(source, tmp_path):
    made = source("labels.csv", drop_bad_boxes=True)
    text = (
        HEADER + "a.jpg,10,20,30,40,face,,,\na.jpg,10,20,10,40,face,,,\na.jpg,500,1,600,9,face,,,\n"
    )
    (tmp_path / "labels.csv").write_text(text)
    assert len(read_csv(made).images[0].boxes) == 1
    assert made.problems.dropped == {"smaller than a pixel": 1, "outside their image": 1}


def test_not_text(source, tmp_path):
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe0")
    with pytest.raises(ConversionError, match=r"labels.csv: not a UTF-8 text"):
        read_csv(source("labels.csv"))
    with pytest.raises(ConversionError, match=r"labels.csv:1: the first row names the columns"):
        read(source, tmp_path, "")
