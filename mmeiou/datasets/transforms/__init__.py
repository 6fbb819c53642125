"""Transforms that carry ``gt_keypoints`` along with the boxes."""

from mmeiou.datasets.transforms.corruption import RandomCorruption
from mmeiou.datasets.transforms.crop import RandomSquareCrop
from mmeiou.datasets.transforms.filter import FilterAnnotations
from mmeiou.datasets.transforms.flip import RandomFlip
from mmeiou.datasets.transforms.loading import LoadAnnotations, LoadImageFromFile
from mmeiou.datasets.transforms.packing import PackDetInputs
from mmeiou.datasets.transforms.resize import Resize
from mmeiou.datasets.transforms.rotate import RandomRotate

__all__ = [
    "FilterAnnotations",
    "LoadAnnotations",
    "LoadImageFromFile",
    "PackDetInputs",
    "RandomCorruption",
    "RandomFlip",
    "RandomRotate",
    "RandomSquareCrop",
    "Resize",
]
