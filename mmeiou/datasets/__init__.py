"""Face datasets: label readers, the dataset, and transforms that know landmarks."""

from mmeiou.datasets import transforms as transforms
from mmeiou.datasets.coco_keypoints import CocoKeypointDataset
from mmeiou.datasets.wider_face import WIDERFaceDataset

__all__ = ["CocoKeypointDataset", "WIDERFaceDataset"]
