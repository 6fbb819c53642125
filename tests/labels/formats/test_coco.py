"""COCO's json: read, checked, written."""

import json
from copy import deepcopy

import pytest

from mmeiou.converters.coco import read_coco, read_document
from mmeiou.converters.coco_json import write_coco
from mmeiou.converters.labels import Point
from mmeiou.converters.problems import ConversionError, Problems

DOCUMENT = {
    "images": [
        {"id": 7, "file_name": "a.jpg", "width": 200, "height": 100},
        {"id": 9, "file_name": "sub/b.png", "width": 200, "height": 100},
    ],
    "categories": [
        {"id": 3, "name": "person", "keypoints": ["nose", "left_ear", "right_ear"]},
        {"id": 1, "name": "ball"},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 9,
            "category_id": 3,
            "bbox": [10, 20, 30, 40.5],
            "keypoints": [15, 25, 2, 0, 0, 0, 35, 26, 1],
            "segmentation": [[1, 2, 3, 4, 5, 6]],
        },
        {"id": 2, "image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 5], "iscrowd": 1},
    ],
}


def changed(path, value):
    document = deepcopy(DOCUMENT)
    *keys, last = path
    part = document
    for key in keys:
        part = part[key]
    part[last] = value
    return document


def read(source, tmp_path, document=DOCUMENT, **options):
    (tmp_path / "labels.json").write_text(json.dumps(document))
    return read_coco(source("labels.json", **options))


def test_boxes_and_landmarks(source, tmp_path):
    labels = read(source, tmp_path)
    assert labels.classes == ("person", "ball")
    assert labels.landmarks == ("nose", "left_ear", "right_ear")
    assert labels.flip_pairs == ((1, 2),)
    first, second = labels.images
    assert [image.file for image in labels.images] == ["a.jpg", "sub/b.png"]
    assert (first.boxes[0].name, first.boxes[0].ignore) == ("ball", True)
    box = second.boxes[0]
    assert box.corners == (10, 20, 40, 60.5)
    assert box.points == {"nose": Point(15, 25, 2), "right_ear": Point(35, 26, 1)}


def test_chosen_classes_and_landmarks(source, tmp_path):
    made = source("labels.json", classes=("person",), landmarks=("right_ear", "nose"))
    (tmp_path / "labels.json").write_text(json.dumps(DOCUMENT))
    labels = read_coco(made)
    assert (labels.classes, labels.landmarks) == (("person",), ("right_ear", "nose"))
    assert labels.flip_pairs is None
    assert labels.images[0].boxes == []
    assert list(labels.images[1].boxes[0].points) == ["right_ear", "nose"]
    assert made.problems.dropped == {"of class ball, not in --classes": 1}


def test_written_form(source, tmp_path):
    out = tmp_path / "out.json"
    write_coco(read(source, tmp_path), out)
    document = json.loads(out.read_text())
    assert document["images"][1] == {
        "id": 2,
        "file_name": "sub/b.png",
        "width": 200,
        "height": 100,
    }
    names = ["nose", "left_ear", "right_ear"]
    assert document["categories"] == [
        {"id": 1, "name": "person", "keypoints": names, "flip_pairs": [[1, 2]]},
        {"id": 2, "name": "ball", "keypoints": names, "flip_pairs": [[1, 2]]},
    ]
    crowd, person = document["annotations"]
    assert crowd == {
        "id": 1,
        "image_id": 1,
        "category_id": 2,
        "bbox": [0, 0, 5, 5],
        "area": 25,
        "iscrowd": 1,
    }
    assert person["bbox"] == [10, 20, 30, 40.5]
    assert person["area"] == 1215
    assert person["keypoints"] == [15, 25, 2, 0, 0, 0, 35, 26, 1]
    assert person["num_keypoints"] == 2


def test_what_was_written_reads_the_same(source, tmp_path):
    labels = read(source, tmp_path)
    write_coco(labels, tmp_path / "again.json")
    again = read_coco(source("again.json"))
    assert again.classes == labels.classes
    assert again.flip_pairs == labels.flip_pairs
    for image, same in zip(labels.images, again.images, strict=True):
        assert (image.file, image.width) == (same.file, same.width)
        assert [(b.name, b.corners, b.points, b.ignore) for b in image.boxes] == [
            (b.name, b.corners, b.points, b.ignore) for b in same.boxes
        ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("images",), {}, "no list 'images' in it"),
        (("images", 0), {"id": 7}, r"images\[0\]: expected id and file_name, got"),
        (("images", 1, "id"), 7, r"images\[1\]: a second one with the id 7"),
        (("images", 0, "width"), 300, r"images\[0\]: the label says 300 x 100 pixels, a.jpg has"),
        (("images", 0, "file_name"), "no.jpg", r"images\[0\]: its image .*no.jpg does not exist"),
        (("images", 0, "file_name"), "sub/b.png", "2 labels for the one image sub/b.png"),
        (("categories", 1, "name"), "person", "categories: two of the same name"),
        (("categories", 1, "keypoints"), ["x"], "ball and person have other keypoints"),
        (("categories", 0, "flip_pairs"), [[1, 3]], r"flip_pairs \[\[1, 3\]\] do not fit 3"),
        (("annotations", 0, "image_id"), 8, r"annotations\[0\]: image_id of none of the image"),
        (("annotations", 0, "category_id"), 8, r"annotations\[0\]: category_id of none"),
        (("annotations", 0, "bbox"), [1, 2, 3], r"annotations\[0\]: bbox: expected 4 numbers"),
        (("annotations", 0, "bbox"), [1, 2, 0, 9], r"annotations\[0\]: a box of width 0"),
        (("annotations", 0, "keypoints"), [1, 2, 2], "keypoints: expected 9 numbers, x, y, v"),
        (("annotations", 0, "keypoints", 2), 3, "keypoints: v = 3 of nose, expected 0, 1 or 2"),
        (("annotations", 1), "x", r"annotations\[1\]: image_id of none"),
    ],
)
def test_bad_entries_are_named(source, tmp_path, path, value, message):
    with pytest.raises(ConversionError, match=message):
        read(source, tmp_path, changed(path, value))


def test_not_json(tmp_path):
    (tmp_path / "labels.json").write_text('{"images":\n[}')
    with pytest.raises(ConversionError, match=r"labels.json:2: not JSON"):
        read_document(tmp_path / "labels.json", Problems())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("cat",)}, "--classes: no class 'cat' in .*, which has person, ball"),
        ({"landmarks": ("nose", "nose")}, "--landmarks: a landmark twice in nose, nose"),
        ({"landmarks": ("chin",)}, "--landmarks: no landmark 'chin'"),
        ({"below": "elsewhere"}, "no box in it that is wanted"),
    ],
)
def test_bad_choices(source, tmp_path, options, message):
    with pytest.raises(ConversionError, match=message):
        read(source, tmp_path, **options)
