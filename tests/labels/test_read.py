import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmeiou.datasets.readers import LabelError, read_face_labels, recognise_format

LABELV2 = "# a.jpg 100 80\n1 2 4 6\n"
RETINAFACE = "# a.jpg\n1 2 3 4\n"
WIDER = "a.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LABELV2, "labelv2"),
        (RETINAFACE, "retinaface"),
        (WIDER, "wider"),
        ("# a.jpg 100 80", "labelv2"),
        ("a.jpg\n0\n", "wider"),
        ("1_a.jpg\n0\n", "wider"),
        ("\ufeff" + LABELV2, "labelv2"),
    ],
)
def test_format_is_recognised(tmp_path, text, name):
    file = tmp_path / "labels.txt"
    file.write_text(text, encoding="utf-8")
    automatic, named = (read_face_labels(file, asked) for asked in ("auto", name))
    assert len(automatic) == len(named) == 1
    assert (automatic[0].image, automatic[0].size) == (named[0].image, named[0].size)
    assert automatic[0].image.endswith("a.jpg")
    if len(automatic[0].boxes):
        np.testing.assert_array_equal(automatic[0].boxes, [[1, 2, 4, 6]])


@pytest.mark.parametrize("text", ["a.jpg\nb.jpg\n", "a.jpg", "a,1,2,3,4", "1 2 3 4\n", '{"a": 1}'])
def test_unknown_formats_get_the_list_of_known_ones(tmp_path, text):
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(LabelError, match=r"x.txt: unknown format.*labelv2.*retinaface.*wider"):
        read_face_labels(tmp_path / "x.txt")


def test_mixed_image_lines_are_ambiguous(tmp_path):
    (tmp_path / "x.txt").write_text(LABELV2 + RETINAFACE)
    with pytest.raises(LabelError, match=r"with and without width and height.*label_format"):
        read_face_labels(tmp_path / "x.txt")
    # a name settles it
    assert len(read_face_labels(tmp_path / "x.txt", "retinaface")) == 2


def test_out_of_order_line_is_named_without_naming_the_format(tmp_path):
    (tmp_path / "x.txt").write_text("1 2 4 6\n" + LABELV2)
    with pytest.raises(LabelError, match=r"x.txt:1: face line before any"):
        read_face_labels(tmp_path / "x.txt")


@pytest.mark.parametrize("text", ["", "\n \n\t\n"])
@pytest.mark.parametrize("format", ["auto", "labelv2", "retinaface", "wider"])
def test_empty_file(tmp_path, text, format):  # noqa: A002
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(LabelError, match=r"x.txt: .*empty label file"):
        read_face_labels(tmp_path / "x.txt", format)


def test_binary_file(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    with pytest.raises(LabelError, match=r"x.jpg: not a UTF-8 text file"):
        read_face_labels(tmp_path / "x.jpg")


@pytest.mark.parametrize(
    "option", [{"format": "voc"}, {"keypoint_weight": "none"}, {"on_bad_box": "keep"}]
)
def test_unknown_options(tmp_path, option):
    with pytest.raises(ValueError, match=f"{next(iter(option))}=.*expected one of"):
        read_face_labels(tmp_path / "x.txt", **option)


def test_errors_survive_a_worker_process(tmp_path):
    error = pickle.loads(pickle.dumps(LabelError(tmp_path, 3, "odd")))  # noqa: S301
    assert (str(error), error.line) == (f"{tmp_path}:3: odd", 3)


def number(low, high):
    return st.integers(low * 4, high * 4).map(lambda n: n / 4)


FACE = st.tuples(
    number(-10, 500),
    number(-10, 500),
    number(1, 100),
    number(1, 100),
    st.none() | st.lists(st.tuples(number(-20, 600), number(-20, 600)), min_size=5, max_size=5),
    st.booleans(),
)


@settings(deadline=None)
@given(images=st.lists(st.lists(FACE, max_size=4), min_size=1, max_size=5))
def test_the_three_formats_agree(tmp_path_factory, images):
    folder = tmp_path_factory.mktemp("labels")
    labelv2, retinaface, wider = [], [], []
    for i, faces in enumerate(images):
        labelv2.append(f"# {i}.jpg 640 480")
        retinaface.append(f"# {i}.jpg")
        wider += [f"{i}.jpg", str(len(faces))] + ([] if faces else ["0 0 0 0 0 0 0 0 0 0"])
        for x, y, w, h, points, invalid in faces:
            flags = [(px, py, 0.0) for px, py in points] if points else [(-1, -1, -1)] * 5
            numbers = " ".join(str(n) for point in flags for n in point)
            labelv2.append(f"{x} {y} {x + w} {y + h} {numbers}")
            retinaface.append(f"{x} {y} {w} {h} {numbers} 0.5")
            wider.append(f"{x} {y} {w} {h} 0 0 0 {int(invalid)} 0 0")
    read = []
    for name, lines in (("labelv2", labelv2), ("retinaface", retinaface), ("wider", wider)):
        (folder / name).write_text("\n".join(lines))
        assert recognise_format(folder / name, "\n".join(lines)) == name
        read.append(read_face_labels(folder / name, num_keypoints=5))
    for i, (faces, a, b, c) in enumerate(zip(images, *read, strict=True)):
        assert a.image == b.image == c.image == f"{i}.jpg"
        boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, *_ in faces]).reshape(-1, 4)
        for label in (a, b, c):
            np.testing.assert_array_equal(label.boxes, boxes)
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
        assert a.keypoints[..., 2].tolist() == [[1.0 if f[4] else 0.0] * 5 for f in faces]
        assert c.ignore.tolist() == [f[5] for f in faces]


def test_real_labels(shared_data):
    root = shared_data / "widerface/labelv2"
    train = read_face_labels(root / "train/labelv2.txt")
    assert (len(train), sum(len(label.boxes) for label in train)) == (484, 6367)
    assert train[0].image == "0--Parade/0_Parade_Parade_0_628.jpg"
    assert train[0].size == (1024, 683)
    # "26 299 36 315 29.322 305.255 0.0 ...", then a face without landmarks
    np.testing.assert_array_equal(train[0].boxes[0], [26, 299, 36, 315])
    np.testing.assert_allclose(train[0].keypoints[0, 0], [29.322, 305.255, 1])
    assert not train[0].keypoints[1].any()
    val = read_face_labels(root / "val/labelv2.txt")
    assert (len(val), sum(len(label.boxes) for label in val)) == (323, 3601)
    assert {label.keypoints.shape[1] for label in val} == {0}
