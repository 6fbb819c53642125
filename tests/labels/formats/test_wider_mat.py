"""Reading the .mat ground truth of WIDER FACE."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from wider_files import GROUND_TRUTH, cell, write_ground_truth

from mmeiou.labels import LabelError, Source, read_labels
from mmeiou.labels.formats.wider_mat import read

HARD = "wider_hard_val.mat"


@pytest.fixture
def gt_dir(tmp_path):
    return write_ground_truth(tmp_path / "gt")


def rewrite(path, **variables):
    """Replace variables of a .mat file."""
    kept = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    savemat(path, {**kept, **variables})


def test_boxes_and_subsets(gt_dir):
    labels = read_labels(gt_dir)
    assert labels.subsets == ("easy", "medium", "hard")
    assert [image.file for image in labels.images] == [f"{key}.jpg" for key in GROUND_TRUTH]
    two, none, one = labels.images
    assert two.bboxes.tolist() == [[10, 10, 19, 19], [40, 40, 49, 49]]
    assert two.kept.tolist() == [[True, False], [True, False], [True, True]]
    # What the hard subset leaves out is to be found by nobody.
    assert two.ignore.tolist() == [False, False]
    assert none.bboxes.shape == (0, 4)
    assert none.kept.shape == (3, 0)
    assert one.kept.tolist() == [[False], [True], [True]]
    assert one.size is None
    assert one.where[0].endswith("wider_face_val.mat, image 9--Press/one")
    assert all(image.bboxes.dtype == np.float64 for image in labels.images)


def test_faces_of_no_subset_are_ignored(tmp_path):
    faces = {"0--Parade/a": ([[0, 0, 9, 9], [5, 5, 9, 9]], [[], [], [2]])}
    (image,) = read(Source(write_ground_truth(tmp_path / "gt", faces))).images
    assert image.ignore.tolist() == [True, False]


def test_full_ground_truth(shared_data):
    images = read_labels(shared_data / "widerface_predictions" / "full_val_gt").images
    # The sizes that the benchmark's authors publish for the validation set.
    assert len(images) == 3226
    assert sum(len(image) for image in images) == 39708
    assert sum(image.kept.sum(axis=1) for image in images).tolist() == [7211, 13319, 31958]


def test_missing_files_are_named(gt_dir):
    (gt_dir / HARD).unlink()
    with pytest.raises(FileNotFoundError, match=rf"no {HARD} in .*gt\. Expected the ground truth"):
        read(Source(gt_dir))


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"wider_face_val\.mat, .*hard_val\.mat in .*nope"):
        read(Source(tmp_path / "nope"))


def test_damaged_file(gt_dir):
    path = gt_dir / HARD
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LabelError, match=f"{HARD}: not WIDER FACE ground truth"):
        read(Source(gt_dir))


def test_files_mixed_up(gt_dir):
    (gt_dir / HARD).write_bytes((gt_dir / "wider_face_val.mat").read_bytes())
    with pytest.raises(LabelError, match=f"{HARD}: has no variable 'gt_list'"):
        read(Source(gt_dir))


def test_subset_of_another_set(gt_dir):
    rewrite(gt_dir / HARD, event_list=cell(["0--Parade", "1--Other"]))
    with pytest.raises(LabelError, match=rf"{HARD}: lists other images than wider_face_val\.mat"):
        read(Source(gt_dir))


@pytest.mark.parametrize("index", [0, 3, -1, np.nan])
def test_kept_face_that_does_not_exist(gt_dir, index):
    gt_list = loadmat(gt_dir / HARD)["gt_list"]
    gt_list[0, 0][0, 0] = np.array([[index]])
    rewrite(gt_dir / HARD, gt_list=gt_list)
    with pytest.raises(
        LabelError, match=rf"{HARD}, image 0--Parade/jpg.of.gpj: keeps faces .* of 2"
    ):
        read(Source(gt_dir))


def test_faces_of_wrong_shape(gt_dir):
    boxes = loadmat(gt_dir / "wider_face_val.mat")["face_bbx_list"]
    boxes[1, 0][0, 0] = np.ones((2, 5))
    rewrite(gt_dir / "wider_face_val.mat", face_bbx_list=boxes)
    with pytest.raises(LabelError, match=r"image 9--Press/one: faces must be rows of x y w h"):
        read(Source(gt_dir))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_faces_that_are_not_finite(gt_dir, value):
    boxes = loadmat(gt_dir / "wider_face_val.mat")["face_bbx_list"]
    boxes[1, 0][0, 0] = np.array([[1, 2, value, 4]])
    rewrite(gt_dir / "wider_face_val.mat", face_bbx_list=boxes)
    with pytest.raises(LabelError, match=r"image 9--Press/one: a number that is not finite"):
        read(Source(gt_dir))


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file" + b"\0" * 200, b"x" * 500])
def test_no_file_of_matlab(gt_dir, content):
    (gt_dir / HARD).write_bytes(content)
    with pytest.raises(LabelError, match=f"{HARD}: "):
        read(Source(gt_dir))


@pytest.mark.parametrize(
    "option", [{"classes": ("face",)}, {"landmarks": ("nose",)}, {"below": "x"}]
)
def test_nothing_can_be_chosen_of_it(gt_dir, option):
    with pytest.raises(
        LabelError, match=r"gt: of the benchmark's ground truth nothing can be chos"
    ):
        read(Source(gt_dir, **option))


def test_an_image_twice(tmp_path):
    folder = write_ground_truth(tmp_path / "gt")
    rewrite(folder / "wider_face_val.mat", event_list=cell(["0--Parade"] * 2))
    files = cell([cell(["a", "b"]), cell(["a"])])
    rewrite(folder / "wider_face_val.mat", file_list=files)
    with pytest.raises(LabelError, match=r"wider_face_val\.mat: an image stands in it twice"):
        read(Source(folder))
