"""YOLO and YOLO-pose labels."""

from pathlib import Path

import numpy as np
import pytest
from label_views import class_names, points

from mmeiou.labels import LabelError, Source
from mmeiou.labels.formats.yolo import YoloNames, names_from_list, names_from_yaml, read
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.landmarks import FACE_LANDMARKS

NAMES = YoloNames(("face", "mask"))
EYES = YoloNames(("face",), ("left_eye", "right_eye"))


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / "labels" / f"{name.replace('__', '/')}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_boxes_in_pixels(source, tmp_path):
    # 200 x 100 pixels: centre (100, 50), 40 wide, 50 high; and (20, 20), 20 wide and high
    write(tmp_path, a="0 0.5 0.5 0.2 0.5\n\n1 0.1 0.2 0.1 0.2\n", sub__b="")
    labels = read(source(), NAMES)
    first, second = labels.images
    assert (first.file, first.size) == ("a.jpg", (200, 100))
    assert class_names(labels) == ["face", "mask"]
    np.testing.assert_allclose(first.bboxes, [(80, 25, 120, 75), (10, 10, 30, 30)])
    assert first.where[1].endswith("a.txt:3")
    assert (second.file, len(second)) == ("sub/b.png", 0)
    assert (labels.classes, labels.landmarks, labels.flip_pairs) == (("face", "mask"), (), None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0.25 0.4 2 0.75 0.4 1", {"left_eye": (50, 40, 2), "right_eye": (150, 40, 1)}),
        ("0.25 0.4 0 0.75 0.4 2", {"right_eye": (150, 40, 2)}),
        ("0.25 0.4 -1 0 0 2", {"right_eye": (0, 0, 2)}),
        ("0.25 0.4 0.75 0.4", {"left_eye": (50, 40, 2), "right_eye": (150, 40, 2)}),
        ("-1 -1 0 0", {}),
        ("0 0.4 -0.1 0.4", {"left_eye": (0, 40, 2)}),
        ("", {}),
    ],
)
def test_landmarks(source, tmp_path, written, expected):
    write(tmp_path, a=f"0 0.5 0.5 0.2 0.5 {written}")
    labels = read(source(), EYES)
    assert points(labels) == {name: pytest.approx(point) for name, point in expected.items()}
    assert labels.flip_pairs == ((0, 1),)


@pytest.mark.parametrize("text", ["0 0.5 0.5 0.2 0.5", "\ufeff0 0.5 0.5 0.2 0.5\r\n\r\n"])
def test_untidy_files(source, tmp_path, text):
    write(tmp_path, a=text)
    assert len(read(source(), NAMES).images[0]) == 1


def test_names_from_the_source(source, tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5 0.5 0.5")
    with pytest.raises(LabelError, match=r"labels: YOLO's labels number the classes: name them by"):
        read(source())
    labels = read(source(classes=("face",), landmarks=("nose",)))
    assert (labels.classes, labels.landmarks) == (("face",), ("nose",))
    (tmp_path / "labels/classes.txt").write_text("\ufefffacë\r\n\r\nmask\r\n", encoding="utf-8")
    assert read(source(landmarks=("nose",))).classes == ("facë", "mask")


@pytest.mark.parametrize("text", ["face\nface\n", "face\n\x1b\n"])
def test_bad_class_list(tmp_path, text):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(LabelError, match=r"classes.txt: names"):
        names_from_list(tmp_path / "classes.txt")


def test_names_of_ultralytics(tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text("names: {0: face, 1: mask}\nkpt_shape: [5, 3]\nflip_idx: [1, 0, 2, 4, 3]\n")
    names = names_from_yaml(path)
    assert names == YoloNames(("face", "mask"), FACE_LANDMARKS, 3, ((0, 1), (3, 4)))
    path.write_text("names: [face]\nkpt_shape: [2, 2]\nkpt_names: {0: [l, r]}\n")
    assert names_from_yaml(path) == YoloNames(("face",), ("l", "r"), 2)
    path.write_text("names: [face]\n")
    assert names_from_yaml(path) == YoloNames(("face",), (), 2)
    # What YAML would take for a flag, numbers, a time and nothing are names as they are written.
    path.write_bytes(b"\xef\xbb\xbfnames: [no, 1, 2.5, 010, 12:30, null]\r\n")
    assert names_from_yaml(path).classes == ("no", "1", "2.5", "010", "12:30", "null")


@pytest.mark.parametrize(
    "line", ["date: 2001-99-99", f"nc: {'9' * 5000}", "nc: !!int", "nc: !!bool x", "a: !!set x"]
)
def test_what_is_not_asked_for_is_not_interpreted(tmp_path, line):
    path = tmp_path / "data.yaml"
    path.write_text(f"names: [a]\n{line}\n")
    assert names_from_yaml(path).classes == ("a",)


def test_an_order_without_pairs_says_that_none_change_places(source, tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text("names: [face]\nkpt_shape: [2, 3]\nflip_idx: [0, 1]\n")
    names = names_from_yaml(path)
    assert names == YoloNames(("face",), ("point_0", "point_1"), 3, ())
    write(tmp_path, a="")
    assert read(source(), names).flip_pairs == ()


# Nine aliases a level: a text of gigabytes.
ALIASES = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a\n", "data.yaml:2: not YAML"),
        ("names: !!python/object/apply:os.getcwd []\n", "data.yaml: names: expected those"),
        ("names: \x00\n", "data.yaml: not YAML|data.yaml:1: not YAML"),
        ("train: x\n", "data.yaml: names: expected those of the classes"),
        ("", "data.yaml: expected keys with values"),
        ("- names\n", "data.yaml: expected keys with values"),
        ("names: []\n", "data.yaml: names: expected"),
        ("names: face\n", "data.yaml: names: 'face', expected a list of names"),
        ("names: [a, a]\n", r"data.yaml: names: \['a', 'a'\], a name twice"),
        ("names: [[a]]\n", r"data.yaml: names\[0\]: \['a'\], expected a text"),
        ("names: {0: a, 2: b}\n", r"data.yaml: names: numbers \['0', '2'\], expected 0, 1, 2"),
        ("names: {a: b}\n", r"data.yaml: names: numbers \['a'\], expected 0, 1, 2"),
        ("names: [a]\nkpt_shape: 5\n", "kpt_shape: '5', expected a list of numbers"),
        ("names: [a]\nkpt_shape: [5, 4]\n", r"kpt_shape: \[5, 4\], expected \[landmarks"),
        ("names: [a]\nkpt_shape: [true, 2]\n", "kpt_shape: 'true', expected a whole number"),
        ("names: [a]\nkpt_shape: [100000000000, 3]\n", "kpt_shape: .*, expected a whole number"),
        (f"names: [a]\nkpt_shape: [0x{'f' * 9999}, 3]\n", "kpt_shape: .*, expected a whole number"),
        (f"names: [a]\nkpt_shape: [1, 3]\nflip_idx: [0x{'f' * 9999}]\n", "flip_idx: "),
        ("names: [a]\nkpt_shape: [-1, 3]\n", "kpt_shape: '-1', expected a whole number"),
        ("names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]\n", "flip_idx: .*1 goes to 0, but 0"),
        ("names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, 2]\n", "flip_idx: .*2 is none of 0 to 1"),
        ("names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0]\n", "flip_idx: 1 numbers, but kpt_shape"),
        (
            "names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, x]\n",
            "flip_idx: 'x', expected a whole",
        ),
        (
            "names: [a]\nkpt_shape: [2, 3]\nflip_idx: 7\n",
            "flip_idx: '7', expected a list of",
        ),
        ("names: [a]\nkpt_shape: [2, 3]\nkpt_names: [x]\n", "kpt_names: 1 of them, but kpt_shape"),
        (
            "names: [a, b]\nkpt_shape: [1, 2]\nkpt_names: {0: [x], 1: [y]}\n",
            "kpt_names: one detector has one set of landmarks for all classes",
        ),
        ("names: [a]\nkpt_shape: [2, 3]\nkpt_names: x\n", "kpt_names: 'x', expected a list"),
        ("names: " + "[" * 400_000, "data.yaml: more than 20 lists or mappings inside of one"),
        ("".join(f"{' ' * i}a:\n" for i in range(99)), "data.yaml: more than 20 lists or mapp"),
        ("names: &n [a]\nother: *n\n", r"data.yaml: an alias \(\*name\) in it"),
        (f"{ALIASES}names: *a11\n", r"data.yaml: an alias \(\*name\) in it"),
    ],
)
def test_bad_yaml(tmp_path, text, message):
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(LabelError, match=message) as caught:
        names_from_yaml(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "4 numbers, expected 'class cx cy w h'"),
        ("0 0.5 0.5 0.2 x", "column 5: 'x', expected a number"),
        ("2 0.5 0.5 0.2 0.5", "class 2, but there are 2: face, mask"),
        ("-1 0.5 0.5 0.2 0.5", "class -1, but there are 2"),
        ("0.5 0.5 0.5 0.2 0.5", "class 0.5"),
        ("0 100 50 40 50", "numbers of pixels"),
        ("0 0.5 0.5 0.2 0.5 0.1 0.1 2", "8 numbers, expected 5; landmarks are named"),
        ("0 0.5 0.5 0.001 0.5", "box of width 0.2 and height 50"),
        ("0 0.5 0.5 -0.2 0.5", "box of width -40 and height 50"),
        ("0 1.9 0.5 0.1 0.5", "lies outside its image of 200 x 100"),
        ("0 nan 0.5 0.1 0.5", "column 2: nan, expected a finite number"),
        ("0 1e999 0.5 0.1 0.5", "column 2: inf, expected a finite number"),
        (f"0 {'9' * 5000} 0.5 0.1 0.5", "column 2: inf, expected a finite number"),
    ],
)
def test_bad_lines_are_named(source, tmp_path, line, message):
    write(tmp_path, a=f"0 0.5 0.5 0.2 0.5\n{line}\n")
    with pytest.raises(LabelError, match=message) as caught:
        read(source(), NAMES)
    assert str(caught.value).startswith(f"{tmp_path / 'labels/a.txt'}:2: ")


def test_wrong_number_of_landmarks(source, tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5 0.1 0.1 2")
    with pytest.raises(LabelError, match=r"8 numbers, expected 5 \(box alone\) or 9 or 11"):
        read(source(), EYES)


def test_files_that_belong_to_nothing(source, tmp_path, images):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5", lost="0 0.5 0.5 0.2 0.5", classes="face\nmask")
    with pytest.raises(LabelError, match=r"lost.txt: no image of that name") as error:
        read(source(), NAMES)
    assert "classes.txt" not in str(error.value)
    (tmp_path / "labels/lost.txt").unlink()
    (images / "a.png").write_bytes((images / "sub/b.png").read_bytes())
    with pytest.raises(LabelError, match=r"belongs to a.jpg and to a.png alike"):
        read(source(), NAMES)


def test_labels_of_other_folders_are_read_over(source, tmp_path):
    write(tmp_path, sub__b="0 0.5 0.5 0.2 0.5", other__lost="0 0.5 0.5 0.2 0.5")
    labels = read(source(below="sub"), NAMES)
    assert [image.file for image in labels.images] == ["sub/b.png"]


def test_only_images_of_a_list(source, tmp_path):
    write(tmp_path, sub__b="0 0.5 0.5 0.2 0.5", lost="0 0.5 0.5 0.2 0.5")
    (tmp_path / "list.txt").write_text("./images/sub/b.png\n./images/c.png\n")
    made = source(listed=ImageList(tmp_path / "list.txt"))
    assert [image.file for image in read(made, NAMES).images] == ["sub/b.png"]
    assert made.problems.counted == {"lines of the list without such an image": 1}


def test_what_is_left_out_is_counted(source, tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.001 0.5\n1 0.5 0.5 0.2 0.5\n")
    made = source(drop_bad_boxes=True, classes=("face",))
    labels = read(made, NAMES)
    assert [len(image) for image in labels.images] == [0, 0]
    assert labels.classes == ("face",)
    assert made.problems.counted == {
        "boxes of class mask, which is not chosen": 1,
        "boxes smaller than a pixel, left out": 1,
    }


def test_the_folder_of_the_images_is_needed(tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5")
    with pytest.raises(LabelError, match=r"labels: needs the folder of the images, too"):
        read(Source(tmp_path / "labels"), NAMES)


def test_labels_of_other_images(source, tmp_path):
    write(tmp_path, c="0 0.5 0.5 0.2 0.5")
    with pytest.raises(LabelError, match=r"none of the 2 images .* has a label there"):
        read(source(), NAMES)


def test_damaged_image(source, tmp_path, images):
    (images / "a.jpg").write_bytes(b"no jpeg")
    write(tmp_path, a="0 0.5 0.5 0.2 0.5")
    with pytest.raises(LabelError, match=r"a.txt: .*a.jpg: not an image that can be read"):
        read(source(), NAMES)


def test_not_text(source, tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5")
    (tmp_path / "labels/a.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(LabelError, match=r"a.txt: not a UTF-8 text"):
        read(source(), NAMES)
