import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import FilterAnnotations as MMDetFilterAnnotations

from mmeiou.datasets.transforms import FilterAnnotations, PackDetInputs

BOXES = [[10, 10, 40, 40], [50, 50, 54, 90], [60, 10, 80, 30]]
META = {
    "img_id": 3,
    "img_path": "a.jpg",
    "scale_factor": (1.0, 1.0),
    "flip": False,
    "flip_direction": None,
}


def test_small_faces_go_with_their_landmarks(face_results):
    results = FilterAnnotations(min_gt_bbox_wh=(5, 5))(face_results(boxes=BOXES))
    assert results["gt_bboxes_labels"].tolist() == [0, 2]
    np.testing.assert_array_equal(results["gt_bboxes"].numpy(), [BOXES[0], BOXES[2]])
    np.testing.assert_array_equal(results["gt_keypoints"][:, 0], [[10, 10, 1], [60, 10, 1]])
    assert len(results["gt_ignore_flags"]) == 2


@pytest.mark.parametrize("keep_empty", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (20, 20), (3, 20), (99, 99)])
@pytest.mark.parametrize("boxes", [[], BOXES])
def test_filter_equals_mmdets_on_boxes(face_results, keep_empty, size, boxes):
    ours, theirs = (
        transform(min_gt_bbox_wh=size, keep_empty=keep_empty)(
            face_results(boxes=boxes, num_keypoints=None)
        )
        for transform in (FilterAnnotations, MMDetFilterAnnotations)
    )
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert ours["gt_bboxes_labels"].tolist() == theirs["gt_bboxes_labels"].tolist()


def test_faces_and_ignored_faces_are_packed_apart(face_results):
    results = face_results(boxes=BOXES) | META
    results["gt_ignore_flags"][1] = True
    packed = PackDetInputs()(results)
    sample = packed["data_samples"]
    assert packed["inputs"].shape == (3, 100, 200)
    assert sample.gt_instances.labels.tolist() == [0, 2]
    assert sample.ignored_instances.labels.tolist() == [1]
    keypoints = sample.gt_instances.keypoints
    assert keypoints.dtype == torch.float32
    assert keypoints.shape == (2, 5, 3)
    assert keypoints[1, 3].tolist() == [63, 16, 1]
    assert sample.ignored_instances.keypoints[0, 0].tolist() == [50, 50, 1]
    assert sample.metainfo == META | {"ori_shape": (100, 200), "img_shape": (100, 200)}


def test_instances_on_request(face_results):
    results = face_results(boxes=BOXES) | META | {"instances": [{"bbox": [1, 2, 3, 4]}]}
    sample = PackDetInputs(meta_keys=("img_id", "instances"))(results)["data_samples"]
    assert sample.metainfo == {"img_id": 3, "instances": [{"bbox": [1, 2, 3, 4]}]}


def test_pack_without_faces_landmarks_or_annotations(face_results):
    sample = PackDetInputs()(face_results() | META)["data_samples"]
    assert sample.gt_instances.keypoints.shape == (0, 5, 3)
    assert sample.ignored_instances.keypoints.shape == (0, 5, 3)
    sample = PackDetInputs()(face_results(boxes=BOXES, num_keypoints=None) | META)["data_samples"]
    assert "keypoints" not in sample.gt_instances
    sample = PackDetInputs()({"img": np.zeros((4, 4, 3), np.uint8)} | META)["data_samples"]
    assert len(sample.gt_instances) == 0


def test_a_transform_that_forgets_landmarks_is_found_out(face_results):
    results = MMDetFilterAnnotations(min_gt_bbox_wh=(5, 5))(face_results(boxes=BOXES) | META)
    with pytest.raises(ValueError, match=r"2 boxes but landmarks of 3 faces.*mmeiou"):
        PackDetInputs()(results)
