"""CSV files."""

import pytest
from label_views import class_names, points

from mmeiou.labels import LabelError, Source
from mmeiou.labels.formats.csv import read as read_csv
from mmeiou.labels.image_list import ImageList

EYES = "left_eye_x,left_eye_y,left_eye_v,right_eye_x,right_eye_y"


@pytest.fixture
def read(source, tmp_path):
    def read(text, **options):
        (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        read.source = source("labels.csv", **options)
        return read_csv(read.source)

    return read


def test_boxes_and_landmarks(read):
    labels = read(
        f"image,x1,y1,x2,y2,class,ignore,{EYES}\n"
        "a.jpg,10,20,30.5,40,face,0,15,25,1,25,25\n"
        "sub/b.png,0,0,9,9,face,1,,,,,\n"
        "a.jpg,50,20,70,40,mask,,15,25,0,,\n",
    )
    first, second = labels.images
    assert first.bboxes.tolist() == [[10, 20, 30.5, 40], [50, 20, 70, 40]]
    assert points(labels) == {"left_eye": (15, 25, 1), "right_eye": (25, 25, 2)}
    assert points(labels, box=1) == {}
    assert first.where[1].endswith("labels.csv:4")
    assert first.where_image.endswith("labels.csv:2")
    assert (second.file, second.ignore.tolist()) == ("sub/b.png", [True])
    assert (labels.classes, class_names(labels)) == (("face", "mask"), ["face", "mask"])
    assert (labels.landmarks, labels.flip_pairs) == (("left_eye", "right_eye"), ((0, 1),))


@pytest.mark.parametrize(
    "text",
    [
        "filename;XMIN;ymin;xmax;ymax\na.jpg;10;20;30;40\n",
        "\ufeffpath\tx\ty\tw\th\na.jpg\t10\t20\t20\t20\n",
        "file,width,height,label,x1,y1,x2,y2\r\na.jpg,200,100.0,face,10,20,30,40\r\n",
        "image, x1 , y1, x2, y2, odd\n a.jpg, 10, 20, 30, 40, ?\n",
        'image,x1,y1,x2,y2,"class"\n"a.jpg",10,20,30,40,"face"\n',
        "image,x1,y1,x2,y2,width,height\n.\\a.jpg,10,20,30,40,,0\n",
    ],
)
def test_other_columns(read, text):
    labels = read(text)
    assert labels.images[0].bboxes.tolist() == [[10, 20, 30, 40]]
    assert labels.images[0].file == "a.jpg"
    assert labels.classes == ("face",)


def test_absolute_paths_and_those_of_windows(read, images):
    labels = read(f"image,x1,y1,x2,y2\n{images}/a.jpg,1,1,9,9\nsub\\x\\..\\b.png,1,1,9,9\n")
    assert [image.file for image in labels.images] == ["a.jpg", "sub/b.png"]


def test_images_without_boxes(read):
    labels = read("image,x1,y1,x2,y2\na.jpg,,,,\nsub/b.png,1,1,9,9\n")
    assert [len(image) for image in labels.images] == [0, 1]


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ("15,25,", {"eye": (15, 25, 2)}),
        ("15,25,2.0", {"eye": (15, 25, 2)}),
        ("15,0,", {"eye": (15, 0, 2)}),
        ("-1,-1,", {}),
        ("0,0,", {}),
        ("-3,30,", {"eye": (-3, 30, 2)}),
        (",,", {}),
        (",,0", {}),
        ("15,25,0", {}),
        # A visibility says that there is a landmark, wherever.
        ("0,0,1", {"eye": (0, 0, 1)}),
        ("-1,5,2", {"eye": (-1, 5, 2)}),
    ],
)
def test_landmarks_that_are_not_labelled(read, point, expected):
    labels = read(f"image,x1,y1,x2,y2,eye_x,eye_y,eye_v\na.jpg,1,2,30,40,{point}\n")
    assert points(labels) == expected
    assert labels.landmarks == ("eye",)


@pytest.mark.parametrize(
    ("cell", "meaning"),
    [
        ("1", True),
        ("1.0", True),
        ("True", True),
        ("yes", True),
        ("0", False),
        ("0.0", False),
        ("False", False),
        ("no", False),
        ("", False),
    ],
)
def test_flags(read, cell, meaning):
    labels = read(f"image,x1,y1,x2,y2,ignore\na.jpg,1,2,30,40,{cell}\n")
    assert labels.images[0].ignore.tolist() == [meaning]


HEADER = "image,x1,y1,x2,y2,class,left_eye_x,left_eye_y,left_eye_v,ignore,width,height\n"


def row(image="a.jpg", box="10,20,30,40", name="face", eye="1,2,2", ignore="", size="200,100"):
    return f"{image},{box},{name},{eye},{ignore},{size}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.jpg,10,20,30,40,face,1,2", "csv:2: more or fewer columns"),
        (row() + ",5", "csv:2: more or fewer columns"),
        (row(box="10,20,x,40"), "csv:2: x2: 'x', expected a number"),
        (row(box="10,20,30,"), "csv:2: y2: '', expected a number"),
        (row(name=""), "csv:2: class: '', expected a name"),
        (row(name="\x1b[2J"), "csv:2: class: .* expected a name"),
        (row(image=""), "csv:2: image: '', expected the path of an image"),
        (row(eye="1,2,3"), "csv:2: left_eye_v: '3', expected 0, 1 or 2"),
        (row(eye="1,2,x"), "csv:2: left_eye_v: 'x', expected a number"),
        (row(eye="1,,2"), "csv:2: left_eye_y: '', expected a number"),
        (row(eye=",,2"), "csv:2: left_eye_x: '', expected a number"),
        (row(ignore="perhaps"), "csv:2: ignore: 'perhaps', expected 0 or 1"),
        (row(ignore="2"), "csv:2: ignore: '2', expected 0 or 1"),
        (row(box="10,20,5,40"), "csv:2: a box of width -5"),
        (row(box="10,20,10.5,40"), "csv:2: a box of width 0.5"),
        (row(box="0.1,0.2,0.3,0.4"), "csv:2: a box .* are these parts of the image"),
        (row(box="-30,20,0,40"), "csv:2: box -30 20 0 40 .* lies outside its image of 200 x 100"),
        (row(box="10,20,inf,40"), "csv:2: x2: inf, expected a finite number"),
        (row(box="10,20,1e999,40"), "csv:2: x2: inf, expected a finite number"),
        (row(box="10,20,nan,40"), "csv:2: x2: nan, expected a finite number"),
        (row(box=f"10,20,{'9' * 5000},40"), "csv:2: x2: inf, expected a finite number"),
        (row(box="10,20,1e9,40"), "csv:2: x2: 1000000000.0, expected at most 16,777,216"),
        (row(image="no.jpg"), r"csv:2: its image .*no.jpg does not exist"),
        (row(image="a" * 5000), r"csv:2: its image .* does not exist"),
        (row(image="../x.jpg"), r"csv:2: image: '../x.jpg' does not lie below the folder of the"),
        (row(image="/x.jpg"), r"csv:2: image: '/x.jpg' does not lie below the folder of the"),
        (row(image="C:\\x.jpg"), r"csv:2: image: .* does not lie below the folder of the images"),
        (row(size="300,100"), r"csv:2: the label says 300 x 100 pixels, a.jpg has 200 x 100"),
        (row(size="inf,100"), r"csv:2: width: inf, expected a finite number"),
        (row(size="-1,100"), r"csv:2: width: '-1', expected a number of pixels"),
        # Later rows of an image are no less checked than its first.
        (f"{row()}\n{row(size='300,100')}", r"csv:3: the label says 300 x 100 pixels"),
    ],
)
def test_bad_rows_are_named(read, tmp_path, text, message):
    with pytest.raises(LabelError, match=message) as caught:
        read(f"{HEADER}{text}\n")
    assert str(caught.value).startswith(f"{tmp_path / 'labels.csv'}:")
    assert len(str(caught.value)) < 12_000


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            ("200,100", "300,100"),
            r":3: width and height: \(300, 100\), but the label said \(200,",
        ),
        ((",", "300,100"), r":3: width and height: \(300, 100\), but no size was stated before"),
        (("200,100", ","), ""),
        (("200,100", "200.0,100"), ""),
    ],
)
def test_sizes_without_the_images(tmp_path, sizes, message):
    rows = "".join(f"a.jpg,1,1,9,9,{size}\n" for size in sizes)
    (tmp_path / "labels.csv").write_text(f"image,x1,y1,x2,y2,width,height\n{rows}")
    if message:
        with pytest.raises(LabelError, match=message):
            read_csv(Source(tmp_path / "labels.csv"))
    else:
        assert read_csv(Source(tmp_path / "labels.csv")).images[0].size == (200, 100)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a.jpg,10,20,30,40,face", "csv:1: the first row names the columns: .*, got a.jpg, 10"),
        ("image,class,x1,y1,x2", "csv:1: the first row names the columns"),
        ("x1,y1,x2,y2,class", "csv:1: the first row names the columns"),
        ("image,x1,y1,x2,y2,X2", "csv:1: two columns of the name x2"),
        ("image,x1,y1,x2,y2,eye_x", "csv:1: of eye_x and eye_y one is missing"),
        ("image,x1,y1,x2,y2,eye_y", "csv:1: of eye_x and eye_y one is missing"),
        ("image,x1,y1,x2,y2,_x,_y", "csv:1: the landmark of _x: '', expected a name"),
        ("", "csv:1: the first row names the columns"),
    ],
)
def test_bad_headers(read, header, message):
    with pytest.raises(LabelError, match=message):
        read(f"{header}\n")


def test_every_problem_is_listed_up_to_twenty(read):
    rows = "".join(f"a.jpg,{i},x,30,40\n" for i in range(25))
    with pytest.raises(LabelError) as caught:
        read(f"image,x1,y1,x2,y2\n{rows}")
    lines = str(caught.value).splitlines()
    assert lines[0] == "25 problems in the labels:"
    assert len(lines) == 22
    assert "csv:21: " in lines[20]
    assert lines[-1] == "... and 5 more"


def test_unusable_boxes_can_be_left_out(read):
    rows = ("10,20,30,40", "10,20,10,40", "500,1,600,9")
    text = "".join(f"a.jpg,{box}\n" for box in rows)
    assert len(read(f"image,x1,y1,x2,y2\n{text}", drop_bad_boxes=True).images[0]) == 1
    assert read.source.problems.counted == {
        "boxes smaller than a pixel, left out": 1,
        "boxes outside their image, left out": 1,
        "images without a label file or entry, left out": 1,
    }


def test_what_is_left_out_is_counted(read, tmp_path):
    text = (
        "image,x1,y1,x2,y2,class,nose_x,nose_y,chin_x,chin_y\n"
        "a.jpg,1,1,9,9,face,5,5,6,6\na.jpg,1,1,9,9,mask,,,,\n"
    )
    (tmp_path / "list.txt").write_text("a.jpg\nc.jpg\n")
    labels = read(
        text,
        classes=("face",),
        landmarks=("nose",),
        listed=ImageList(tmp_path / "list.txt"),
    )
    assert points(labels) == {"nose": (5, 5, 2)}
    assert read.source.problems.counted == {
        "boxes of class mask, which is not chosen": 1,
        "points of landmark chin, which is not chosen": 1,
        "lines of the list without such an image": 1,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe0", r"labels.csv: not a UTF-8 text"),
        (b"", r"labels.csv:1: the first row names the columns"),
        # The csv module's own limit is 128 KiB.
        (b"image,x1,y1,x2,y2\na.jpg,1,1,9,9\n" + b"a" * 140_000, r"labels.csv:3: not CSV \(field"),
        (b'image,x1,y1,x2,y2\na.jpg,"1,1,9,9\n' * 9, r"labels.csv:\d+: "),
        (b"image,x1,y1,x2,y2\na\0.jpg,1,1,9,9\n", r"labels.csv:2: "),
    ],
)
def test_no_csv(read, content, message):
    with pytest.raises(LabelError, match=message) as caught:
        read(content)
    assert len(str(caught.value)) < 1000
