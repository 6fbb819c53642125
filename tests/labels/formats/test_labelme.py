"""LabelMe's json."""

import json

import pytest

from mmeiou.converters.labelme import read_labelme
from mmeiou.converters.labels import FACE_LANDMARKS, Point
from mmeiou.converters.problems import ConversionError


def rectangle(x1, y1, x2, y2, label="face", group=None, **flags):
    points = [[x1, y1], [x2, y2]]
    return {
        "label": label,
        "points": points,
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
        rectangle(100, 10, 140, 50, ignore=True),
        point("left_eye", 50, 50, group=7),
        point("right_eye", 10, 50, group=7, occluded=True),
        point("left_eye", 130, 20),
    )
    labels = read_labelme(source("images", landmarks=("right_eye", "left_eye")))
    (image,) = labels.images
    first, second = image.boxes
    assert first.corners == (20, 40, 60, 80)
    assert first.points == {"right_eye": Point(10, 50, 1), "left_eye": Point(50, 50, 2)}
    assert (second.ignore, second.points) == (True, {"left_eye": Point(130, 20, 2)})
    assert first.where.endswith("a.json: shapes[0]")
    assert (labels.landmarks, labels.flip_pairs) == (("right_eye", "left_eye"), ((0, 1),))


def test_the_five_of_a_face_have_their_order(source, write):
    write(rectangle(0, 0, 90, 90), *(point(name, 10, 10) for name in sorted(FACE_LANDMARKS)))
    labels = read_labelme(source("images"))
    assert labels.landmarks == FACE_LANDMARKS
    assert labels.flip_pairs == ((0, 1), (3, 4))


def test_polygons_and_renamed_images(source, write):
    polygon = {"label": "face", "points": [[10, 30], [20, 20], [40, 50]], "shape_type": "polygon"}
    write(polygon, imagePath="..\\old\\name.jpg")
    labels = read_labelme(source("images"))
    assert labels.images[0].file == "a.jpg"
    assert labels.images[0].boxes[0].corners == (10, 20, 40, 50)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (
            [rectangle(0, 0, 9, 9), point("nose", 50, 50)],
            r"shapes\[1\]: point nose lies in 0 boxes",
        ),
        (
            [rectangle(0, 0, 60, 60), rectangle(40, 40, 90, 90), point("nose", 50, 50)],
            r"shapes\[2\]: point nose lies in 2 boxes; give it and its box a group_id",
        ),
        ([rectangle(0, 0, 9, 9), point("nose", 5, 5, group=3)], "nose has group_id 3, as 0 boxes"),
        (
            [rectangle(0, 0, 9, 9), point("nose", 5, 5), point("nose", 6, 6)],
            r"shapes\[2\]: a second nose in the box of .*shapes\[0\]",
        ),
        ([{**rectangle(0, 0, 9, 9), "shape_type": "circle"}], r"shapes\[0\]: shape_type 'circle'"),
        ([{"label": "face"}], r"shapes\[0\]: not a shape with label, points"),
        ([{**rectangle(0, 0, 9, 9), "points": [[1, 2]]}], "a rectangle of 1 points"),
        ([rectangle(5, 5, 5, 9)], r"shapes\[0\]: a box of width 0"),
        (
            [rectangle(0, 0, 9, 9), point("a", 5, 5), point("b", 5, 5)],
            "does not say in which order its landmarks come.*--landmarks a b",
        ),
    ],
)
def test_bad_shapes_are_named(source, write, shapes, message):
    write(*shapes)
    with pytest.raises(ConversionError, match=message):
        read_labelme(source("images"))


def test_bad_files(source, write, images):
    write(rectangle(0, 0, 9, 9), imageWidth=400)
    (images / "c.json").write_text('{"shapes": [\n{]}')
    (images / "d.json").write_text("[]")
    with pytest.raises(ConversionError) as error:
        read_labelme(source("images"))
    text = str(error.value)
    assert "a.json: the label says 400 x 100 pixels, a.jpg has 200 x 100" in text
    assert "c.json:2: not JSON" in text
    assert "d.json: not of LabelMe" in text
