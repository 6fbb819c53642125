"""Face datasets: label readers, the dataset, and transforms that know landmarks."""

from mmeiou.datasets import transforms as transforms
from mmeiou.datasets.wider_face import WIDERFaceDataset

__all__ = ["WIDERFaceDataset"]
