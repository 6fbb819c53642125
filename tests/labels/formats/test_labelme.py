"""LabelMe's json."""

import json

import pytest
from label_views import class_names, points
from picture_files import write_picture

from mmeiou.labels import LabelError, Source
from mmeiou.labels.formats.labelme import read
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.landmarks import FACE_LANDMARKS


def rectangle(x1, y1, x2, y2, label="face", group=None, **flags):
    return {
        "label": label,
        "points": [[x1, y1], [x2, y2]],
        "shape_type": "rectangle",
        "group_id": group,
        "flags": flags,
    }


def point(label, x, y, group=None, **flags):
    shape = {"label": label, "points": [[x, y]], "shape_type": "point", "flags": flags}
    return shape if group is None else {**shape, "group_id": group}


@pytest.fixture
def write(images):
    """LabelMe writes beside the images."""

    def write(*shapes, file="a.json", **data):
        document = {"imagePath": "a.jpg", "imageWidth": 200, "imageHeight": 100, "shapes": shapes}
        (images / file).write_text(json.dumps({**document, **data}))

    return write


def test_boxes_and_landmarks(source, write):
    # Drawn from the lower right corner; the second eye is outside its box.
    write(
        rectangle(60, 80, 20, 40, group=7),
        rectangle(100, 10, 140, 50, label="mask", ignore=True),
        point("left_eye", 50, 50, group=7),
        point("right_eye", 10, 50, group=7, occluded=True),
        point("left_eye", 130, 20),
    )
    labels = read(source("images", landmarks=("right_eye", "left_eye")))
    (image,) = labels.images
    assert (image.file, image.size) == ("a.jpg", (200, 100))
    assert image.bboxes.tolist() == [[20, 40, 60, 80], [100, 10, 140, 50]]
    assert class_names(labels) == ["face", "mask"]
    assert image.ignore.tolist() == [False, True]
    assert points(labels) == {"right_eye": (10, 50, 1), "left_eye": (50, 50, 2)}
    assert points(labels, box=1) == {"left_eye": (130, 20, 2)}
    assert image.where[0].endswith("a.json: shapes[0]")
    assert (labels.landmarks, labels.flip_pairs) == (("right_eye", "left_eye"), ((0, 1),))


def test_the_five_of_a_face_have_their_order(source, write):
    write(rectangle(0, 0, 90, 90), *(point(name, 10, 10) for name in sorted(FACE_LANDMARKS)))
    labels = read(source("images"))
    assert labels.landmarks == FACE_LANDMARKS
    assert labels.flip_pairs == ((0, 1), (3, 4))


def test_polygons_and_renamed_images(source, write):
    polygon = {"label": "face", "points": [[10, 30], [20, 20], [40, 50]], "shape_type": "polygon"}
    write(polygon, {**polygon, "shape_type": None}, imagePath="..\\old\\name.jpg")
    labels = read(source("images"))
    assert labels.images[0].file == "a.jpg"
    assert labels.images[0].bboxes.tolist() == [[10, 20, 40, 50]] * 2


def test_labels_beside_the_folder_of_the_images(source, write, images, tmp_path):
    write(rectangle(0, 0, 9, 9), imagePath="..\\images\\sub\\b.png")
    (tmp_path / "labels").mkdir()
    (images / "a.json").rename(tmp_path / "labels/a.json")
    assert read(source()).images[0].file == "sub/b.png"


@pytest.mark.parametrize("place", [(10, 20), (60, 20), (10, 70), (60, 70), (30, 40)])
def test_a_point_on_the_edge_is_in_its_box(source, write, place):
    write(rectangle(10, 20, 60, 70), rectangle(100, 20, 160, 70), point("nose", *place))
    assert points(read(source("images"))) == {"nose": (*place, 2)}


@pytest.mark.parametrize(
    ("value", "meaning"),
    [(True, True), (1, True), ("true", True), ("1", True), (False, False), ("False", False)],
)
def test_flags(source, write, value, meaning):
    write(rectangle(0, 0, 90, 90, ignore=value), point("nose", 5, 5, occluded=value))
    labels = read(source("images"))
    assert labels.images[0].ignore.tolist() == [meaning]
    assert points(labels) == {"nose": (5, 5, 1 if meaning else 2)}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([rectangle(0, 0, 9, 9), point("nose", 50, 50)], r"shapes\[1\]: point nose lies in 0 box"),
        (
            [rectangle(0, 0, 60, 60), rectangle(40, 40, 90, 90), point("nose", 50, 50)],
            r"shapes\[2\]: point nose lies in 2 boxes; give it and its box a group_id",
        ),
        ([rectangle(0, 0, 9, 9), point("nose", 5, 5, group=3)], "nose has group_id 3, as 0 boxes"),
        ([rectangle(0, 0, 9, 9), point("nose", 5, 5, group=[3])], r"nose has group_id \[3\], as 0"),
        (
            [rectangle(0, 0, 9, 9), point("nose", 5, 5), point("nose", 6, 6)],
            r"shapes\[2\]: a second nose in the box of .*shapes\[0\]",
        ),
        ([{**rectangle(0, 0, 9, 9), "shape_type": "circle"}], r"\[0\]: shape_type: 'circle', exp"),
        ([{**rectangle(0, 0, 9, 9), "shape_type": {}}, 7], r"\[1\]: a shape: 7, expected an obj"),
        ([{"label": "face"}], r"shapes\[0\]: points: None, expected a list"),
        ([{**rectangle(0, 0, 9, 9), "points": [[1, 2]]}], r"\[0\]: a rectangle of 1 points"),
        ([{**rectangle(0, 0, 9, 9), "points": [[1, 2], 3]}], r"\[0\]: points\[1\]: 3, expected 2"),
        ([{**rectangle(0, 0, 9, 9), "label": 7}], r"shapes\[0\]: label: 7, expected a text"),
        ([{**rectangle(0, 0, 9, 9), "label": "\ud800"}], r"\[0\]: label: .*, expected a name"),
        ([{**rectangle(0, 0, 9, 9), "flags": [1]}], r"shapes\[0\]: flags: \[1\], expected an obj"),
        ([rectangle(0, 0, 9, 9, ignore="perhaps")], r"\[0\]: flags: ignore: 'perhaps', expected"),
        ([rectangle(0, 0, 9, 9), point("n", 5, 5, occluded=3)], r"\[1\]: flags: occluded: 3, exp"),
        ([rectangle(5, 5, 5, 9)], r"shapes\[0\]: a box of width 0"),
        ([rectangle(5, 5, 5.5, 9)], r"shapes\[0\]: a box of width 0.5"),
        ([rectangle(205, 5, 225, 9)], r"shapes\[0\]: box 205 5 225 9 .* lies outside"),
        ([rectangle(5, 5, "7", 9)], r"shapes\[0\]: points\[1\]: '7', expected a number"),
        ([rectangle(5, 5, float("inf"), 9)], r"shapes\[0\]: points\[1\]: inf, expected a finite"),
        ([rectangle(5, 5, 10**30, 9)], r"shapes\[0\]: points\[1\]: 10+, expected at most"),
        (
            [rectangle(0, 0, 9, 9), point("a", 5, 5), point("b", 5, 5)],
            "does not say in which order its landmarks come.*--landmarks a b",
        ),
    ],
)
def test_bad_shapes_are_named(source, write, shapes, message):
    write(*shapes)
    with pytest.raises(LabelError, match=message) as caught:
        read(source("images"))
    assert "a.json" in str(caught.value) or "--landmarks" in str(caught.value)


def test_points_of_boxes_that_hold_them_are_no_problem_of_a_class_left_out(source, write):
    write(rectangle(0, 0, 9, 9), rectangle(20, 20, 90, 90, "mask"), point("nose", 50, 50))
    made = source("images", classes=("face",))
    assert len(read(made).images[0]) == 1
    assert made.problems.counted["boxes of class mask, which is not chosen"] == 1


def test_bad_files(source, write, images):
    write(rectangle(0, 0, 9, 9), imageWidth=400)
    write(file="b.json", imagePath=7)
    (images / "c.json").write_text('{"shapes": [\n{]}')
    (images / "d.json").write_text("[]")
    (images / "e.json").write_text('{"shapes": {}}')
    (images / "f.json").write_text("[" * 400_000)
    (images / "g.json").write_text('{"shapes": ' + "1" * 5000 + "}")
    (images / "h.json").write_bytes(b"\xff\xfe{\0}\0")
    write(file="i.json", imagePath="no\ud800.jpg")
    write(file="j.json", imagePath="../../x.jpg")
    write(file="k.json", imageHeight="high")
    with pytest.raises(LabelError) as caught:
        read(source("images"))
    text = str(caught.value)
    assert text.startswith("11 problems in the labels:\n")
    assert "a.json: the label says 400 x 100 pixels, a.jpg has 200 x 100" in text
    assert "b.json: its image" in text
    assert "c.json:2: not JSON" in text
    assert "d.json: not of LabelMe" in text
    assert "e.json: not of LabelMe" in text
    assert "f.json: not JSON of sensible size" in text
    assert "g.json: not JSON of sensible size" in text
    assert "h.json: not a UTF-8 text" in text
    assert "i.json: imagePath: " in text
    assert "j.json: imagePath: " in text
    assert "k.json: height: 'high', expected a number" in text
    text.encode()


def test_sizes_as_others_write_them(source, write):
    write(rectangle(0, 0, 9, 9), imageWidth=200.0, imageHeight="100")
    assert read(source("images")).images[0].size == (200, 100)
    write(rectangle(0, 0, 9, 9), imageWidth=None, imageHeight=0)
    assert read(source("images")).images[0].size == (200, 100)


def test_byte_order_mark_and_line_ends_of_windows(source, write, images):
    write(rectangle(0, 0, 9, 9))
    text = "\ufeff" + json.dumps(json.loads((images / "a.json").read_text()), indent=1)
    (images / "a.json").write_bytes(text.replace("\n", "\r\n").encode())
    assert len(read(source("images")).images[0]) == 1


def test_two_files_for_an_image(source, write):
    write(rectangle(0, 0, 9, 9))
    write(rectangle(0, 0, 9, 9), file="copy.json")
    with pytest.raises(LabelError, match=r"copy.json: a.jpg a second time, after .*a.json; give"):
        read(source("images"))


def test_what_is_left_out_is_counted(source, write, tmp_path):
    write(rectangle(0, 0, 9, 9))
    (tmp_path / "list.txt").write_text("a.jpg\nb.png\nc.jpg\n")
    made = source("images", listed=ImageList(tmp_path / "list.txt"))
    read(made)
    assert made.problems.counted == {
        "images without a label file or entry, left out": 1,
        "lines of the list without such an image": 1,
    }
    assert any(text.endswith("first sub/b.png") for text in made.problems.left_out())


def test_without_the_images(write, images):
    write(rectangle(0, 0, 9, 9), imagePath="a.jpg")
    assert read(Source(images / "a.json")).images[0].file == "a.jpg"
    write(rectangle(0, 0, 9, 9), imagePath="../a.jpg")
    with pytest.raises(LabelError, match=r"a.json: imagePath: '../a.jpg' does not lie below"):
        read(Source(images / "a.json"))


def test_no_files(source, images):
    write_picture(images / "c.jpg")
    with pytest.raises(LabelError, match=r"images: no \.json file in or below it"):
        read(source("images"))
