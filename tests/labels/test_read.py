"""Labels of any format, recognised or named."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_views import values
from picture_files import SIZE, write_picture
from wider_files import write_ground_truth

from mmeiou.labels import LabelError, Source, read_detections, read_labels
from mmeiou.labels.formats.yolo import YoloNames
from mmeiou.labels.read import FORMATS, recognise_format

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
        ("\ufeff" + RETINAFACE, "retinaface"),
        ("\ufeff" + WIDER.replace("\n", "\r\n"), "wider"),
    ],
)
def test_format_is_recognised(tmp_path, text, name):
    file = tmp_path / "labels.txt"
    file.write_text(text, encoding="utf-8")
    (automatic,), (named,) = (read_labels(file, asked).images for asked in ("auto", name))
    assert values(automatic) == values(named)
    assert automatic.file.endswith("a.jpg")
    if len(automatic):
        np.testing.assert_array_equal(automatic.bboxes, [[1, 2, 4, 6]])


XML = (
    "<annotation><filename>a.jpg</filename><size><width>200</width><height>100</height></size>"
    "<object><name>face</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>4</xmax><ymax>6</ymax>"
    "</bndbox></object></annotation>"
)
SHAPES = {
    "imagePath": "../images/a.jpg",
    "imageWidth": 200,
    "imageHeight": 100,
    "shapes": [{"label": "face", "points": [[1, 2], [4, 6]], "shape_type": "rectangle"}],
}
DOCUMENT = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
    "categories": [{"id": 1, "name": "face"}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
}


@pytest.mark.parametrize(
    ("format", "file", "text"),
    [
        ("coco", "labels.JSON", json.dumps(DOCUMENT)),
        ("csv", "labels.csv", "image,x1,y1,x2,y2,width,height\na.jpg,1,2,4,6,200,100\n"),
        ("csv", "labels.tsv", "image\tx\ty\tw\th\na.jpg\t1\t2\t3\t4\n"),
        ("voc", "labels/a.xml", XML),
        ("labelme", "labels/a.json", json.dumps(SHAPES)),
        ("yolo", "labels/a.txt", "0 0.0125 0.04 0.015 0.04\n"),
    ],
)
def test_the_same_from_every_format(tmp_path, format, file, text):  # noqa: A002
    labels = tmp_path / file
    labels.parent.mkdir(exist_ok=True)
    labels.write_text(text)
    write_picture(tmp_path / "images/a.jpg")
    if labels.parent != tmp_path:
        labels = labels.parent
    assert recognise_format(labels) == format
    found = read_labels(Source(labels, tmp_path / "images", classes=("face",)))
    (image,) = found.images
    assert (image.file, image.size, found.classes) == ("a.jpg", SIZE, ("face",))
    np.testing.assert_allclose(image.bboxes, [[1, 2, 4, 6]])
    assert (image.labels.tolist(), image.ignore.tolist()) == ([0], [False])


def test_ground_truth_of_the_benchmark_is_recognised(tmp_path):
    assert recognise_format(write_ground_truth(tmp_path / "gt")) == "wider_mat"


@pytest.mark.parametrize("files", [(), ("a.png",), ("a.xml", "a.json"), ("a.txt", "sub/a.xml")])
def test_folders_of_no_or_several_formats(tmp_path, files):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    with pytest.raises(LabelError, match=r"holds files of [02] formats. Name one: labelv2 \(") as e:
        read_labels(tmp_path)
    assert all(name in str(e.value) for name in FORMATS)


@pytest.mark.parametrize("text", ["a.jpg\nb.jpg\n", "a.jpg", "a,1,2,3,4", "1 2 3 4\n", '{"a": 1}'])
def test_unknown_formats_get_the_list_of_known_ones(tmp_path, text):
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(LabelError, match=r"x.txt: unknown format.*labelv2.*retinaface.*wider"):
        read_labels(tmp_path / "x.txt")


def test_mixed_image_lines_are_ambiguous(tmp_path):
    (tmp_path / "x.txt").write_text(LABELV2 + RETINAFACE.replace("a.jpg", "b.jpg"))
    with pytest.raises(LabelError, match=r"with and without width and height. Name one"):
        read_labels(tmp_path / "x.txt")
    # a name settles it
    assert len(read_labels(tmp_path / "x.txt", "retinaface")) == 2


def test_out_of_order_line_is_named_without_naming_the_format(tmp_path):
    (tmp_path / "x.txt").write_text("1 2 4 6\n" + LABELV2)
    with pytest.raises(LabelError, match=r"x.txt:1: face line before any"):
        read_labels(tmp_path / "x.txt")


@pytest.mark.parametrize("text", ["", "\n \n\t\n", "\ufeff"])
@pytest.mark.parametrize("format", ["auto", "labelv2", "retinaface", "wider"])
def test_empty_file(tmp_path, text, format):  # noqa: A002
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(LabelError, match=r"x.txt: .*empty label file"):
        read_labels(tmp_path / "x.txt", format)


def test_binary_file(tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    with pytest.raises(LabelError, match=r"x.jpg: not a UTF-8 text"):
        read_labels(tmp_path / "x.jpg")


@pytest.mark.parametrize(
    ("format", "option", "message"),
    [
        ("labelv3", {}, r"format='labelv3': expected one of \('auto', 'labelv2'"),
        ("labelv2", {"one_based": True}, "one_based: no option of format='labelv2', which has"),
        ("csv", {"names": YoloNames(("a",))}, r"names: no option of format='csv', which has \[\]"),
        ("auto", {"source": 1}, r"source: no option|multiple values"),
    ],
)
def test_unknown_options(tmp_path, format, option, message):  # noqa: A002
    (tmp_path / "x.txt").write_text(LABELV2)
    with pytest.raises((ValueError, TypeError), match=message):
        read_labels(tmp_path / "x.txt", format, **option)


def test_missing_labels_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"labels .*gone\.txt not found"):
        read_labels(str(tmp_path / "gone.txt"))
    with pytest.raises(FileNotFoundError, match=r"predictions .*gone not found"):
        read_detections(tmp_path / "gone")


def number(low, high):
    return st.integers(low * 4, high * 4).map(lambda n: n / 4)


FACE = st.tuples(
    number(-10, 400),
    number(-10, 400),
    number(11, 100),  # into the image
    number(11, 100),
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
        assert recognise_format(folder / name) == name
        read.append(read_labels(folder / name, num_keypoints=5).images)
    for i, (faces, a, b, c) in enumerate(zip(images, *read, strict=True)):
        assert a.file == b.file == c.file == f"{i}.jpg"
        bboxes = np.array([(x, y, x + w, y + h) for x, y, w, h, *_ in faces]).reshape(-1, 4)
        for label in (a, b, c):
            np.testing.assert_array_equal(label.bboxes, bboxes)
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
        # A landmark in the very corner is none.
        labelled = [[float(any(point)) for point in f[4]] if f[4] else [0.0] * 5 for f in faces]
        assert a.keypoints[..., 2].tolist() == labelled
        assert c.ignore.tolist() == [f[5] for f in faces]


def test_real_labels(shared_data):
    root = shared_data / "widerface/labelv2"
    train = read_labels(root / "train/labelv2.txt").images
    assert (len(train), sum(len(label) for label in train)) == (484, 6367)
    assert train[0].file == "0--Parade/0_Parade_Parade_0_628.jpg"
    assert train[0].size == (1024, 683)
    # "26 299 36 315 29.322 305.255 0.0 ...", then a face without landmarks
    np.testing.assert_array_equal(train[0].bboxes[0], [26, 299, 36, 315])
    np.testing.assert_allclose(train[0].keypoints[0, 0], [29.322, 305.255, 1])
    assert not train[0].keypoints[1].any()
    val = read_labels(root / "val/labelv2.txt").images
    assert (len(val), sum(len(label) for label in val)) == (323, 3601)
    assert {label.keypoints.shape[1] for label in val} == {0}
