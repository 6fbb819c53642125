"""Datasets over the records of :mod:`mmeiou.labels`, and transforms that carry landmarks."""

from mmeiou.datasets import transforms as transforms
from mmeiou.datasets.coco_keypoints import CocoKeypointDataset
from mmeiou.datasets.compact_batches import compact_collate
from mmeiou.datasets.multi_image_mix import MultiImageMixDataset
from mmeiou.datasets.voc import VOCDataset
from mmeiou.datasets.wider_face import WIDERFaceDataset

__all__ = [
    "CocoKeypointDataset",
    "MultiImageMixDataset",
    "VOCDataset",
    "WIDERFaceDataset",
    "compact_collate",
]
