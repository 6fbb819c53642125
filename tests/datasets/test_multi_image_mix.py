"""Landmarks in pipelines outside of their dataset."""

import json

import cv2
import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope

LOADING = [
    {"type": "mmeiou.LoadImageFromFile"},
    {"type": "mmeiou.LoadAnnotations", "with_bbox": True, "with_keypoints": True},
]


@pytest.fixture
def build(tmp_path):
    """Maker of a wrapped dataset of one image with one face and one landmark at (20, 20)."""
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 100, 3), np.uint8))
    face = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20]}
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 60}],
        "categories": [{"id": 1, "name": "face", "keypoints": ["nose"], "flip_pairs": []}],
        "annotations": [{**face, "keypoints": [20, 20, 2]}],
    }
    (tmp_path / "l.json").write_text(json.dumps(document))
    init_default_scope("mmdet")
    dataset = {
        "type": "mmeiou.CocoKeypointDataset",
        "ann_file": str(tmp_path / "l.json"),
        "data_prefix": {"img": str(tmp_path)},
        "pipeline": LOADING,
    }

    def build(wrapper, *steps):
        pipeline = [*steps, {"type": "mmeiou.PackDetInputs"}]
        return DATASETS.build({"type": wrapper, "dataset": dataset, "pipeline": pipeline})

    return build


def test_ours_move_the_landmarks(build):
    mixed = build("mmeiou.MultiImageMixDataset", {"type": "mmeiou.RandomFlip", "prob": 1.0})
    truth = mixed[0]["data_samples"].gt_instances
    assert truth.bboxes.tensor.tolist() == [[70, 10, 90, 30]]
    assert truth.keypoints.tolist() == [[[80, 20, 1]]]


@pytest.mark.parametrize("kind", ["RandomFlip", "RandomAffine", "Mosaic", "MixUp"])
def test_those_of_mmdetection_are_refused_by_name(build, kind):
    options = {"prob": 1.0} if kind == "RandomFlip" else {}
    with pytest.raises(ValueError, match=f"^{kind} of MMDetection leaves landmarks behind"):
        build("mmeiou.MultiImageMixDataset", {"type": kind, **options})


def test_a_wrapper_that_nobody_checks_is_refused(build):
    mixed = build("MultiImageMixDataset", {"type": "RandomFlip", "prob": 1.0})
    with pytest.raises(ValueError, match=r"write type='mmeiou.MultiImageMixDataset'"):
        mixed[0]
