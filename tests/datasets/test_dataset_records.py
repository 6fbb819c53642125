"""The boxes of a dataset as records."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DATASETS, init_default_scope

from mmeiou.datasets.records import labels_of

DOCUMENT = {
    "images": [
        {"id": 1, "file_name": "a.png", "width": 40, "height": 30},
        {"id": 2, "file_name": "b.png", "width": 40, "height": 30},
    ],
    "categories": [{"id": 4, "name": "mask"}, {"id": 1, "name": "face"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 4, "bbox": [5, 5, 9, 9], "area": 81, "iscrowd": 1},
    ],
}


@pytest.fixture(params=["CocoDataset", "mmeiou.CocoKeypointDataset"])
def dataset(request, tmp_path: Path):
    init_default_scope("mmdet")
    for image in DOCUMENT["images"]:
        cv2.imwrite(str(tmp_path / image["file_name"]), np.zeros((30, 40, 3), np.uint8))
    (tmp_path / "a.json").write_text(json.dumps(DOCUMENT))
    return DATASETS.build(
        {
            "type": request.param,
            "data_root": str(tmp_path),
            "ann_file": "a.json",
            "data_prefix": {"img": ""},
            "metainfo": {"classes": ("mask", "face")},
            "test_mode": True,
        }
    )


def test_boxes_classes_and_flags(dataset, tmp_path):
    labels = labels_of(dataset)
    assert labels.source == tmp_path / "a.json"
    assert labels.classes == ("mask", "face")
    first, second = labels.images
    assert first.file == str(tmp_path / "a.png")
    assert first.bboxes.tolist() == [[1, 2, 4, 6], [5, 5, 14, 14]]
    assert first.labels.tolist() == [1, 0]
    assert first.ignore.tolist() == [False, True]
    assert first.kept.tolist() == [[True, False]]
    assert first.keypoints.shape == (2, 0, 3)
    assert second.bboxes.shape == (0, 4)
    faces = labels.by_key(lambda file: Path(file).stem, label=1)
    assert [len(image) for image in faces.values()] == [1, 0]
