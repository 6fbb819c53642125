"""Backbones."""

from mmeiou.models.backbones.yunet_backbone import YuNetBackbone

__all__ = ["YuNetBackbone"]
