"""Reading the .mat ground truth of WIDER FACE."""

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from wider_files import GROUND_TRUTH, cell, write_ground_truth

from mmeiou.evaluation.wider_gt import load_ground_truth

HARD = "wider_hard_val.mat"


@pytest.fixture
def gt_dir(tmp_path):
    return write_ground_truth(tmp_path / "gt")


def rewrite(path, **variables):
    """Replace variables of a .mat file."""
    kept = {name: value for name, value in loadmat(path).items() if not name.startswith("__")}
    savemat(path, {**kept, **variables})


def test_boxes_and_subsets(gt_dir):
    truth = load_ground_truth(gt_dir)
    assert list(truth) == list(GROUND_TRUTH)
    two = truth["0--Parade/jpg.of.gpj"]
    assert two.boxes.tolist() == [[10, 10, 19, 19], [40, 40, 49, 49]]
    assert two.kept.tolist() == [[True, False], [True, False], [True, True]]
    none = truth["0--Parade/no_face"]
    assert none.boxes.shape == (0, 4)
    assert none.kept.shape == (3, 0)
    assert truth["9--Press/one"].kept.tolist() == [[False], [True], [True]]
    assert all(faces.boxes.dtype == np.float64 for faces in truth.values())


def test_full_ground_truth(shared_data):
    truth = load_ground_truth(shared_data / "widerface_predictions" / "full_val_gt")
    # The sizes that the benchmark's authors publish for the validation set.
    assert len(truth) == 3226
    assert sum(len(faces.boxes) for faces in truth.values()) == 39708
    assert sum(faces.kept.sum(axis=1) for faces in truth.values()).tolist() == [7211, 13319, 31958]


def test_missing_files_are_named(gt_dir):
    (gt_dir / HARD).unlink()
    with pytest.raises(FileNotFoundError, match=rf"no {HARD} in .*gt\. Expected the ground truth"):
        load_ground_truth(gt_dir)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"wider_face_val\.mat, .*hard_val\.mat in .*nope"):
        load_ground_truth(tmp_path / "nope")


def test_damaged_file(gt_dir):
    path = gt_dir / HARD
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=f"cannot read .*{HARD}"):
        load_ground_truth(gt_dir)


def test_files_mixed_up(gt_dir):
    (gt_dir / HARD).write_bytes((gt_dir / "wider_face_val.mat").read_bytes())
    with pytest.raises(ValueError, match=f"{HARD} has no variable 'gt_list'"):
        load_ground_truth(gt_dir)


def test_subset_of_another_set(gt_dir):
    rewrite(gt_dir / HARD, event_list=cell(["0--Parade", "1--Other"]))
    with pytest.raises(ValueError, match=rf"{HARD} lists other images than wider_face_val\.mat"):
        load_ground_truth(gt_dir)


@pytest.mark.parametrize("index", [0, 3])
def test_kept_face_that_does_not_exist(gt_dir, index):
    gt_list = loadmat(gt_dir / HARD)["gt_list"]
    gt_list[0, 0][0, 0] = np.array([[index]])
    rewrite(gt_dir / HARD, gt_list=gt_list)
    with pytest.raises(ValueError, match=rf"{HARD}, image 0--Parade/jpg.of.gpj: .* of 2"):
        load_ground_truth(gt_dir)


def test_faces_of_wrong_shape(gt_dir):
    boxes = loadmat(gt_dir / "wider_face_val.mat")["face_bbx_list"]
    boxes[1, 0][0, 0] = np.ones((2, 5))
    rewrite(gt_dir / "wider_face_val.mat", face_bbx_list=boxes)
    with pytest.raises(ValueError, match=r"image 9--Press/one: faces must be rows of x y w h"):
        load_ground_truth(gt_dir)
