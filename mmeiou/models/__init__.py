"""Registered modules: thin shells over :mod:`mmeiou.functional`."""

# First, so that a missing stack is reported with what to install.
from mmeiou import registry as _registry  # noqa: F401  isort: skip

from mmeiou.models.backbones import YuNetBackbone
from mmeiou.models.data_preprocessors import DetDataPreprocessor
from mmeiou.models.dense_heads import (
    IoUATSSHead,
    IoUFCOSHead,
    IoURetinaHead,
    YuNetHead,
    YuNetIoUHead,
)
from mmeiou.models.detectors import DistilledYuNet, YuNet
from mmeiou.models.losses import (
    AlphaIoULoss,
    EfficientIoULoss,
    EIoULoss,
    FocalerIoULoss,
    InnerIoULoss,
    MPDIoULoss,
    NWDLoss,
    PIoULoss,
    ShapeIoULoss,
    WIoULoss,
)
from mmeiou.models.necks import TFPN
from mmeiou.models.roi_heads import Shared2FCIoUBBoxHead
from mmeiou.models.task_modules import ExtendedIoU2D, ExtendedIoUCost, SimOTAAssigner
from mmeiou.models.test_time_augs import YuNetTTA

__all__ = [
    "TFPN",
    "AlphaIoULoss",
    "DetDataPreprocessor",
    "DistilledYuNet",
    "EIoULoss",
    "EfficientIoULoss",
    "ExtendedIoU2D",
    "ExtendedIoUCost",
    "FocalerIoULoss",
    "InnerIoULoss",
    "IoUATSSHead",
    "IoUFCOSHead",
    "IoURetinaHead",
    "MPDIoULoss",
    "NWDLoss",
    "PIoULoss",
    "ShapeIoULoss",
    "Shared2FCIoUBBoxHead",
    "SimOTAAssigner",
    "WIoULoss",
    "YuNet",
    "YuNetBackbone",
    "YuNetHead",
    "YuNetIoUHead",
    "YuNetTTA",
]
