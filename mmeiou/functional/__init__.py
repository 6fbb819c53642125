"""The mathematics on plain tensors and arrays: imports torch and numpy, nothing of the MM stack."""

from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.functional.extended_iou import extended_iou
from mmeiou.functional.score_fusion import fuse_scores

__all__ = ["eiou_loss", "extended_iou", "fuse_scores"]
