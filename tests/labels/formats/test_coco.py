"""COCO's json: read, checked, written."""

import json
from copy import deepcopy

import pytest
from label_views import class_names, points, values

from mmeiou.labels import LabelError, Source
from mmeiou.labels.formats.coco import read as read_coco
from mmeiou.labels.formats.coco import write
from mmeiou.labels.image_list import ImageList

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


@pytest.fixture
def read(source, tmp_path):
    def read(document=DOCUMENT, *, countable=False, **options):
        text = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / "labels.json").write_text(text)
        read.source = source("labels.json", **options)
        return read_coco(read.source, countable=countable)

    return read


def test_boxes_and_landmarks(read):
    labels = read()
    assert labels.classes == ("person", "ball")
    assert labels.landmarks == ("nose", "left_ear", "right_ear")
    assert labels.flip_pairs == ((1, 2),)
    first, second = labels.images
    assert (first.file, first.size, first.image_id) == ("a.jpg", (200, 100), 7)
    assert (second.file, second.size, second.image_id) == ("sub/b.png", (200, 100), 9)
    assert (class_names(labels), first.ignore.tolist()) == (["ball"], [True])
    assert second.bboxes.tolist() == [[10, 20, 40, 60.5]]
    assert second.ignore.tolist() == [False]
    assert points(labels, 1) == {"nose": (15, 25, 2), "right_ear": (35, 26, 1)}
    assert second.where[0].endswith("labels.json: annotations[0]")
    assert second.where_image.endswith("labels.json: images[1]")


@pytest.mark.parametrize("pairs", [[], [[0, 2]], [[2, 1]]])
def test_stated_flip_pairs_are_believed_before_names(read, pairs):
    document = changed(("categories", 0, "flip_pairs"), pairs)
    assert read(document).flip_pairs == tuple(map(tuple, pairs))
    # They are of another order, or number, of landmarks.
    assert read(document, landmarks=("right_ear", "left_ear")).flip_pairs == ((0, 1),)


def test_categories_with_other_flip_pairs_are_refused(read):
    document = changed(("categories", 1, "keypoints"), ["nose", "left_ear", "right_ear"])
    assert read(document).flip_pairs == ((1, 2),)
    document["categories"][1]["flip_pairs"] = []
    with pytest.raises(LabelError, match=r"categories\[1\]: keypoints or flip_pairs: ball has oth"):
        read(document)


def test_landmarks_of_a_category_that_names_none(read):
    """Those of the others are not meant by it."""
    document = changed(("annotations", 1, "keypoints"), [0] * 9)
    assert points(read(document)) == {}
    document["annotations"][1]["keypoints"] = [1, 1, 2] * 3
    with pytest.raises(LabelError, match=r"annotations\[1\]: keypoints: 3 landmarks, but its cate"):
        read(document)


def test_chosen_classes_and_landmarks(read):
    labels = read(classes=("person",), landmarks=("right_ear", "nose"))
    assert (labels.classes, labels.landmarks) == (("person",), ("right_ear", "nose"))
    assert labels.flip_pairs is None
    assert len(labels.images[0]) == 0
    assert labels.images[1].keypoints.tolist() == [[[35, 26, 1], [15, 25, 2]]]
    assert read.source.problems.counted == {"boxes of class ball, which is not chosen": 1}


def test_landmarks_that_are_left_out_are_counted(read):
    read(landmarks=("nose",))
    counted = {"points of landmark right_ear, which is not chosen": 1}
    assert read.source.problems.counted == counted


def test_order_of_classes_is_chosen(read):
    labels = read(classes=("ball", "person"))
    assert [image.labels.tolist() for image in labels.images] == [[0], [1]]


def test_a_class_without_a_box_stays(read):
    labels = read(changed(("categories",), [{"id": 2, "name": "cat"}, *DOCUMENT["categories"]]))
    assert labels.classes == ("cat", "person", "ball")
    assert [image.labels.tolist() for image in labels.images] == [[2], [1]]


def test_written_form(read, tmp_path):
    out = tmp_path / "out.json"
    write(read(), out)
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


def test_what_was_written_reads_the_same(read, tmp_path):
    labels = read()
    write(labels, tmp_path / "again.json")
    # Without looking at the images, and as a metric needs it.
    again = read_coco(Source(tmp_path / "again.json"), countable=True)
    assert (again.classes, again.landmarks) == (labels.classes, labels.landmarks)
    assert again.flip_pairs == labels.flip_pairs
    assert [values(image) for image in again.images] == [values(image) for image in labels.images]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("images", 0), {"id": 7}, r"images\[0\]: file_name: None, expected the path of an image"),
        (("images", 0), [7], r"images\[0\]: an entry: \[7\], expected an object"),
        (("images", 1, "id"), 7, r"images\[1\]: id: a second one with 7"),
        (("images", 0, "width"), 300, r"images\[0\]: the label says 300 x 100 pixels, a.jpg has"),
        (("images", 0, "width"), 1e999, r"images\[0\]: width: inf, expected a finite number"),
        (("images", 0, "width"), -200, r"images\[0\]: width: -200, expected a number of pixels"),
        (("images", 0, "width"), 200.5, r"images\[0\]: width: 200.5, expected a number of pix"),
        (("images", 0, "width"), [200], r"images\[0\]: width: \[200\], expected a number"),
        (("images", 0, "file_name"), "no.jpg", r"images\[0\]: its image .*no.jpg does not exist"),
        (("images", 0, "file_name"), "../x.jpg", r"images\[0\]: file_name: '../x.jpg' does not"),
        (("images", 0, "file_name"), "/x.jpg", r"images\[0\]: file_name: '/x.jpg' does not lie"),
        (("images", 0, "file_name"), "C:\\x.jpg", r"images\[0\]: file_name: .* does not lie"),
        (("images", 0, "file_name"), "\ud800.jpg", r"images\[0\]: file_name: .* expected the path"),
        (("images", 0, "file_name"), "a" * 5000, r"images\[0\]: its image .* does not exist"),
        (
            ("images", 0, "file_name"),
            "sub/b.png",
            r"images\[1\]: sub/b.png a second time, after .*labels.json: images\[0\]",
        ),
        (("images", 0, "id"), {}, r"images\[0\]: id: {}, expected a number or a text"),
        (("images", 0, "id"), True, r"images\[0\]: id: True, expected a number or a text"),
        (("categories", 1, "name"), "person", r"categories\[1\]: name: a second category 'person'"),
        (("categories", 1, "name"), 7, r"categories\[1\]: name: 7, expected a text"),
        (("categories", 1, "name"), " ", r"categories\[1\]: name: ' ', expected a name"),
        (("categories", 1, "name"), "\ud800", r"categories\[1\]: name: .* expected a name"),
        (
            ("categories", 1, "keypoints"),
            ["x"],
            r"\[1\]: keypoints or flip_pairs: ball has others",
        ),
        (("categories", 1, "keypoints"), [7], r"categories\[1\]: keypoints\[0\]: 7, expected a t"),
        (("categories", 0, "keypoints", 1), "nose", r"categories\[0\]: keypoints: .* a name twice"),
        (("categories", 0, "flip_pairs"), [[1, 3]], r"flip_pairs: \[\[1, 3\]\] do not fit 3"),
        (("categories", 0, "flip_pairs"), [[1, [2]]], r"flip_pairs: .* expected two indices"),
        (("categories", 0, "flip_pairs"), 7, r"categories\[0\]: flip_pairs: 7, expected a list"),
        (("annotations", 0, "image_id"), 8, r"annotations\[0\]: image_id: 8, the id of none of th"),
        (("annotations", 0, "image_id"), [], r"annotations\[0\]: image_id: \[\], expected a numb"),
        (("annotations", 0, "category_id"), 8, r"annotations\[0\]: category_id: 8, the id of none"),
        (("annotations", 0, "bbox"), [1, 2, 3], r"annotations\[0\]: bbox: .* expected 4 numbers"),
        (("annotations", 0, "bbox"), [1, 2, 0, 9], r"annotations\[0\]: a box of width 0"),
        (("annotations", 0, "bbox"), [1, 2, 0.5, 9], r"annotations\[0\]: a box of width 0.5"),
        (("annotations", 0, "bbox"), [0.1, 0.2, 0.3, 0.4], "parts of the image, not pixels"),
        (("annotations", 0, "bbox"), [200, 2, 9, 9], r"annotations\[0\]: box 200 2 209 11 .* lies"),
        (("annotations", 0, "bbox"), [1, 2, "3", 9], r"annotations\[0\]: bbox: '3', expected a n"),
        (("annotations", 0, "bbox"), [1, 2, True, 9], r"annotations\[0\]: bbox: True, expected a"),
        (("annotations", 0, "bbox"), [1, 2, 3, float("nan")], r"\[0\]: bbox: nan, expected a fini"),
        (("annotations", 0, "keypoints"), [1, 2, 2], "keypoints: .* expected 9 numbers, x, y, v"),
        (("annotations", 0, "keypoints"), "no", r"annotations\[0\]: keypoints: 'no', expected"),
        (("annotations", 0, "keypoints", 2), 3, "keypoints: v of nose: 3.*, expected 0, 1 or 2"),
        (("annotations", 0, "iscrowd"), "perhaps", r"\[0\]: iscrowd: 'perhaps', expected 0 or 1"),
        (("annotations", 0, "ignore"), [0], r"annotations\[0\]: ignore: \[0\], expected 0 or 1"),
        (("annotations", 1), "x", r"annotations\[1\]: an entry: 'x', expected an object"),
    ],
)
def test_bad_entries_are_named(read, tmp_path, path, value, message):
    with pytest.raises(LabelError, match=message) as caught:
        read(changed(path, value))
    # What follows from a bad entry comes after it.
    head, _, listed = str(caught.value).partition(" problems in the labels:\n")
    assert (listed or head).startswith(f"{tmp_path / 'labels.json'}: ")


@pytest.mark.parametrize("key", ["iscrowd", "ignore"])
@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (0, False),
        (0.0, False),
        (False, False),
        ("0", False),
        ("False", False),
        (None, False),
        (1, True),
        (1.0, True),
        (True, True),
        ("true", True),
    ],
)
def test_flags(read, key, value, meaning):
    document = changed(("annotations", 0), {**DOCUMENT["annotations"][0], key: value})
    assert read(document).images[1].ignore.tolist() == [meaning]


def test_landmarks_that_no_category_names(read):
    bare = changed(("categories", 0), {"id": 3, "name": "person"})
    with pytest.raises(LabelError, match=r"annotations\[0\]: keypoints: 3 landmarks, but its cat"):
        read(bare)
    labels = read(bare, landmarks=("nose", "left_ear", "right_ear"))
    assert points(labels, 1) == {"nose": (15, 25, 2), "right_ear": (35, 26, 1)}
    assert labels.flip_pairs == ((1, 2),)
    # Zeros say nothing that could be lost.
    bare["annotations"][0]["keypoints"] = [0] * 9
    assert read(bare).landmarks == ()


def test_visibility_alone_says_whether_a_landmark_is_there(read):
    labels = read(changed(("annotations", 0, "keypoints"), [0, 0, 2, 50, 50, 0, -1, -1, 1]))
    assert points(labels, 1) == {"nose": (0, 0, 2), "right_ear": (-1, -1, 1)}
    # What is not labelled is nowhere.
    assert labels.images[1].keypoints[0, 1].tolist() == [0, 0, 0]


def test_ids_may_be_texts_and_whole_numbers_with_a_point(read):
    document = changed(("images", 0, "id"), "seven")
    document["annotations"][1]["image_id"] = "seven"
    document["annotations"][0] |= {"image_id": 9.0, "category_id": 3.0}
    labels = read(document)
    assert [image.image_id for image in labels.images] == ["seven", 9]
    assert [len(image) for image in labels.images] == [1, 1]


@pytest.mark.parametrize("size", [(200.0, 100.0), ("200", "100"), (0, 0), (None, None), ("", "")])
def test_sizes_as_others_write_them(read, size):
    document = changed(("images", 0), {"id": 7, "file_name": "a.jpg"})
    document["images"][0] |= {"width": size[0], "height": size[1]}
    assert read(document).images[0].size == (200, 100)


def test_sizes_are_unknown_where_nobody_says(tmp_path):
    (tmp_path / "labels.json").write_text(json.dumps(changed(("images", 0, "width"), 0)))
    labels = read_coco(Source(tmp_path / "labels.json"))
    assert [image.size for image in labels.images] == [None, (200, 100)]


def test_paths_of_windows_and_absolute_ones(read, images):
    document = changed(("images", 1, "file_name"), ".\\sub\\b.png")
    document["images"][0]["file_name"] = str(images / "a.jpg")
    assert [image.file for image in read(document).images] == ["a.jpg", "sub/b.png"]


def test_byte_order_mark_and_line_ends_of_windows(source, tmp_path):
    text = "\ufeff" + json.dumps(DOCUMENT, indent=1).replace("\n", "\r\n")
    (tmp_path / "labels.json").write_bytes(text.encode())
    assert len(read_coco(source("labels.json"))) == 2


def test_pictures_without_an_entry_are_counted(read):
    document = changed(("images",), DOCUMENT["images"][1:])
    document["annotations"].pop()
    read(document)
    assert read.source.problems.counted == {"images without a label file or entry, left out": 1}
    read(document, below="sub")
    assert not read.source.problems.counted


def test_lines_of_a_list_without_an_entry_are_counted(read, tmp_path):
    (tmp_path / "val.txt").write_text("a\nc\n")
    assert [image.file for image in read(listed=ImageList(tmp_path / "val.txt")).images] == [
        "a.jpg"
    ]
    assert read.source.problems.left_out() == [
        f"1 lines of the list without such an image, first {tmp_path / 'val.txt'}:2"
    ]


def test_unusable_boxes_can_be_left_out(read):
    document = changed(("annotations", 0, "bbox"), [1, 2, 0.5, 9])
    document["annotations"][1]["bbox"] = [500, 1, 9, 9]
    labels = read(document, drop_bad_boxes=True)
    assert [len(image) for image in labels.images] == [0, 0]
    assert read.source.problems.counted == {
        "boxes smaller than a pixel, left out": 1,
        "boxes outside their image, left out": 1,
    }


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ((1, 1), r"annotations\[1\]: id: 1, a second time; pycocotools would lose"),
        ((1, 1.0), r"annotations\[1\]: id: 1, a second time"),
        ((0, 1), r"annotations\[0\]: id: 0; pycocotools would lose"),
        ((1, None), r"annotations\[1\]: id: None, expected a number or a text"),
    ],
)
def test_ids_that_metrics_would_lose_a_box_for(read, ids, message):
    document = deepcopy(DOCUMENT)
    for annotation, key in zip(document["annotations"], ids, strict=True):
        annotation["id"] = key
    assert len(read(document)) == 2
    with pytest.raises(LabelError, match=message):
        read(document, countable=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images":\n[}', r"labels.json:2: not JSON"),
        ("[" * 400_000, "labels.json: not JSON of sensible size"),
        ('{"images": ' + "[" * 400_000 + "]" * 400_000 + "}", "labels.json: not JSON of sensible"),
        ('{"images": ' + "9" * 5000 + "}", "labels.json: not JSON of sensible size"),
        ("[]", "labels.json: no list 'images' in it"),
        ('{"images": {}}', "labels.json: no list 'images' in it"),
        ('{"images": [], "annotations": []}', "labels.json: no list 'categories' in it"),
        ("", "labels.json:1: not JSON"),
    ],
)
def test_no_json_of_coco(read, text, message):
    with pytest.raises(LabelError, match=message) as caught:
        read(text)
    assert len(str(caught.value)) < 1000


def test_not_text(source, tmp_path):
    (tmp_path / "labels.json").write_bytes(b"\xff\xfe{\x00}\x00")
    with pytest.raises(LabelError, match=r"labels.json: not a UTF-8 text"):
        read_coco(source("labels.json"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ("cat",)}, "labels.json: no class 'cat' in it, but person, ball"),
        ({"classes": ("ball", "ball")}, "labels.json: a class wanted twice: ball, ball"),
        ({"landmarks": ("nose", "nose")}, "labels.json: a landmark wanted twice: nose, nose"),
        ({"landmarks": ("chin",)}, "labels.json: no landmark 'chin' in it"),
        ({"below": "elsewhere"}, "labels.json: no image in it that is wanted"),
    ],
)
def test_bad_choices(read, options, message):
    with pytest.raises(LabelError, match=message):
        read(**options)
