"""Dense heads."""

from mmeiou.models.dense_heads.yunet_head import YuNetHead

__all__ = ["YuNetHead"]
