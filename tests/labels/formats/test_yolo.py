"""YOLO and YOLO-pose labels."""

from pathlib import Path

import pytest

from mmeiou.converters.labels import FACE_LANDMARKS, Point
from mmeiou.converters.problems import ConversionError
from mmeiou.converters.yolo import YoloNames, names_from_yaml, read_yolo

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
    labels = read_yolo(source(), NAMES)
    first, second = labels.images
    assert (first.file, first.width, first.height) == ("a.jpg", 200, 100)
    assert [box.name for box in first.boxes] == ["face", "mask"]
    assert first.boxes[0].corners == pytest.approx((80, 25, 120, 75))
    assert first.boxes[1].corners == pytest.approx((10, 10, 30, 30))
    assert first.boxes[1].where.endswith("a.txt:3")
    assert (second.file, second.boxes) == ("sub/b.png", [])
    assert (labels.classes, labels.landmarks, labels.flip_pairs) == (("face", "mask"), (), None)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("0.25 0.4 2 0.75 0.4 1", {"left_eye": (50, 40, 2), "right_eye": (150, 40, 1)}),
        ("0.25 0.4 0 0.75 0.4 2", {"right_eye": (150, 40, 2)}),
        ("0.25 0.4 0.75 0.4", {"left_eye": (50, 40, 2), "right_eye": (150, 40, 2)}),
        ("-1 -1 0 0", {}),
        ("", {}),
    ],
)
def test_landmarks(source, tmp_path, points, expected):
    write(tmp_path, a=f"0 0.5 0.5 0.2 0.5 {points}")
    labels = read_yolo(source(), EYES)
    assert labels.images[0].boxes[0].points == {
        name: Point(*map(pytest.approx, point[:2]), point[2]) for name, point in expected.items()
    }
    assert labels.flip_pairs == ((0, 1),)


def test_names_of_ultralytics(tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text("names: {0: face, 1: mask}\nkpt_shape: [5, 3]\nflip_idx: [1, 0, 2, 4, 3]\n")
    names = names_from_yaml(path)
    assert names == YoloNames(("face", "mask"), FACE_LANDMARKS, 3, ((0, 1), (3, 4)))
    path.write_text("names: [face]\nkpt_shape: [2, 2]\nkpt_names: {0: [l, r]}\n")
    assert names_from_yaml(path) == YoloNames(("face",), ("l", "r"), 2)
    path.write_text("names: [face]\n")
    assert names_from_yaml(path) == YoloNames(("face",), (), 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("names: [a\n", "data.yaml:2: not YAML"),
        ("train: x\n", "names: expected"),
        ("names: [a]\nkpt_shape: 5\n", r"kpt_shape: 5; expected \[landmarks, 2 or 3\]"),
        ("names: [a]\nkpt_shape: [2, 3]\nflip_idx: [0, 0]\n", "expected 0 to 1 in some order"),
        ("names: [a]\nkpt_shape: [2, 3]\nkpt_names: [x]\n", "1 kpt_names"),
    ],
)
def test_bad_yaml(tmp_path, text, message):
    path = tmp_path / "data.yaml"
    path.write_text(text)
    with pytest.raises(ConversionError, match=message):
        names_from_yaml(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2", "4 numbers|expected 'class cx cy w h'"),
        ("0 0.5 0.5 0.2 x", "expected 'class cx cy w h' as numbers, got '0 0.5 0.5 0.2 x'"),
        ("2 0.5 0.5 0.2 0.5", "class 2, but there are 2: face, mask"),
        ("0.5 0.5 0.5 0.2 0.5", "class 0.5"),
        ("0 100 50 40 50", "numbers of pixels"),
        ("0 0.5 0.5 0.2 0.5 0.1 0.1 2", "8 numbers, expected 5; landmarks are named"),
        ("0 0.5 0.5 0.001 0.5", "box of width 0.2 and height 50"),
        ("0 1.9 0.5 0.1 0.5", "lies outside its image of 200 x 100"),
        ("0 nan 0.5 0.1 0.5", "numbers of pixels"),
    ],
)
def test_bad_lines_are_named(source, tmp_path, line, message):
    write(tmp_path, a=f"0 0.5 0.5 0.2 0.5\n{line}\n")
    with pytest.raises(ConversionError, match=message) as error:
        read_yolo(source(), NAMES)
    assert "1 problem in the labels:" in str(error.value)
    assert "a.txt:2: " in str(error.value)


def test_wrong_number_of_landmarks(source, tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5 0.1 0.1 2")
    with pytest.raises(ConversionError, match=r"8 numbers, expected 5 \(box alone\) or 9 or 11"):
        read_yolo(source(), EYES)


def test_files_that_belong_to_nothing(source, tmp_path, images):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5", lost="0 0.5 0.5 0.2 0.5", classes="face\nmask")
    with pytest.raises(ConversionError, match=r"lost.txt: no image of that name") as error:
        read_yolo(source(), NAMES)
    assert "classes.txt" not in str(error.value)
    (tmp_path / "labels/lost.txt").unlink()
    (images / "a.png").write_bytes((images / "sub/b.png").read_bytes())
    with pytest.raises(ConversionError, match=r"belongs to a.jpg and to a.png alike"):
        read_yolo(source(), NAMES)


def test_labels_of_other_folders_are_read_over(source, tmp_path):
    write(tmp_path, sub__b="0 0.5 0.5 0.2 0.5", other__lost="0 0.5 0.5 0.2 0.5")
    labels = read_yolo(source(below="sub"), NAMES)
    assert [image.file for image in labels.images] == ["sub/b.png"]


def test_labels_of_other_images(source, tmp_path):
    write(tmp_path, c="0 0.5 0.5 0.2 0.5")
    with pytest.raises(ConversionError, match=r"none of the 2 images .* has a label there"):
        read_yolo(source(), NAMES)


def test_damaged_image(source, tmp_path, images):
    (images / "a.jpg").write_bytes(b"no jpeg")
    write(tmp_path, a="0 0.5 0.5 0.2 0.5")
    with pytest.raises(
        ConversionError, match=r"a.jpg: not an image that can be read .*; needed for .*a.txt"
    ):
        read_yolo(source(), NAMES)


def test_not_text(source, tmp_path):
    write(tmp_path, a="0 0.5 0.5 0.2 0.5")
    (tmp_path / "labels/a.txt").write_bytes(b"\xff\xfe0")
    with pytest.raises(ConversionError, match=r"a.txt: not a UTF-8 text"):
        read_yolo(source(), NAMES)
