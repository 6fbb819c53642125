"""Detectors."""

from mmeiou.models.detectors.yunet import YuNet

__all__ = ["YuNet"]
