"""Test-time augmentation."""

from mmeiou.models.test_time_augs.yunet_tta import YuNetTTA

__all__ = ["YuNetTTA"]
