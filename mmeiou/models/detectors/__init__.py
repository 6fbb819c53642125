"""Detectors."""

from mmeiou.models.detectors.distilled_yunet import DistilledYuNet
from mmeiou.models.detectors.yunet import YuNet

__all__ = ["DistilledYuNet", "YuNet"]
