"""The small WIDER FACE: its labels by hand, all forms of them, and what is refused."""

import importlib

import cv2
import numpy as np
import pytest
from wider_files import write_ground_truth

from mmeiou.labels import LabelError, read_labels

KEY = "0--Parade/a b"
FACE = "100 50 180 150 110 60 0.0 170.5 60 1.0 140 90 0.0 -1 -1 -1 -1 -1 -1"


@pytest.fixture
def tool(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / "tools/dataset_converters"))
    return importlib.import_module("shrink_widerface")


@pytest.fixture
def root(tmp_path):
    """One image of 400 x 300 in each part, with a face and a tiny one."""
    folder = tmp_path / "wider"
    image = np.zeros((300, 400, 3), np.uint8)
    image[50:150, 100:180] = 255
    for part, rows in (
        ("train", [FACE, "0 0 3 3" + " -1" * 15]),
        ("val", ["100 50 180 150", "0 0 3 3"]),
    ):
        picture = folder / f"WIDER_{part}/images/{KEY}.jpg"
        picture.parent.mkdir(parents=True)
        cv2.imwrite(str(picture), image)
        labels = folder / f"labelv2/{part}/labelv2.txt"
        labels.parent.mkdir(parents=True)
        labels.write_text("\n".join([f"# {KEY}.jpg 400 300", *rows]) + "\n")
    truth = {KEY: ([[100, 50, 80, 100], [0, 0, 3, 3]], [[1], [1], [1, 2]])}
    write_ground_truth(folder / "labelv2/val/gt", truth)
    return folder


def test_labels_by_hand(tool, root, tmp_path):
    out = tmp_path / "small"
    assert tool.shrink_widerface(root, out, 100, 85) == {"train": 1, "val": 1}
    lines = (out / "labelv2/train/labelv2.txt").read_text().splitlines()
    assert lines == [
        f"# {KEY}.jpg 100 75",
        "25 12.5 45 37.5 27.5 15 0 42.625 15 1 35 22.5 0 -1 -1 -1 -1 -1 -1",
    ]
    image = cv2.imread(str(out / f"WIDER_train/images/{KEY}.jpg"))
    assert image.shape == (75, 100, 3)
    rows, columns = np.nonzero(image[..., 0] > 127)
    assert (columns.min(), columns.max() + 1) == (25, 45)
    assert (rows.min(), rows.max() + 1) in {(12, 38), (13, 38), (12, 37), (13, 37)}
    (truth,) = read_labels(out / "labelv2/val/gt", "wider_mat").images
    np.testing.assert_allclose(truth.bboxes, [[25, 12.5, 45, 37.5], [0, 0, 0.75, 0.75]])
    assert truth.subsets.tolist() == [[True, False], [True, False], [True, True]]


def test_small_images_keep_their_size(tool, root, tmp_path):
    tool.shrink_widerface(root, tmp_path / "same", 400, 85)
    old, new = (
        read_labels(folder / "labelv2/train/labelv2.txt").images[0]
        for folder in (root, tmp_path / "same")
    )
    np.testing.assert_array_equal(old.bboxes, new.bboxes)
    np.testing.assert_array_equal(old.keypoints, new.keypoints)


def test_nothing_is_written_unless_all_is(tool, root, tmp_path):
    out = tmp_path / "made/small"
    (root / f"WIDER_val/images/{KEY}.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a b\.jpg: not an image"):
        tool.shrink_widerface(root, out, 100, 85)
    assert list(out.parent.iterdir()) == []
    out.mkdir()
    with pytest.raises(FileExistsError, match="small exists"):
        tool.shrink_widerface(root, out, 100, 85)


@pytest.mark.parametrize(
    ("part", "found", "text"),
    [
        ("train", "retinaface", f"# {KEY}.jpg\n100 50 80 100{' -1' * 15} 0.5\n"),
        ("val", "wider", f"{KEY}.jpg\n1\n100 50 80 100 0 0 0 0 0 0\n"),
    ],
)
def test_other_formats_are_refused_before_an_image_is_shrunk(
    tool, root, tmp_path, monkeypatch, part, found, text
):
    file = root / f"labelv2/{part}/labelv2.txt"
    file.write_text(text)
    monkeypatch.setattr(tool, "load_image", None)  # would fail
    with pytest.raises(
        LabelError, match=rf"labelv2\.txt: in the format {found}, but labelv2 alone"
    ):
        tool.shrink_widerface(root, tmp_path / "small", 100, 85)


def test_ground_truth_of_other_images_is_refused(tool, root, tmp_path):
    write_ground_truth(root / "labelv2/val/gt")
    with pytest.raises(
        LabelError, match=r"0--Parade/jpg\.of\.gpj: in the ground truth, but not in"
    ):
        tool.shrink_widerface(root, tmp_path / "small", 100, 85)
