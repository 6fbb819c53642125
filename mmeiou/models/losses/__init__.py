"""Losses."""

from mmeiou.models.losses.alpha_iou_loss import AlphaIoULoss
from mmeiou.models.losses.efficient_iou_loss import EfficientIoULoss
from mmeiou.models.losses.eiou_loss import EIoULoss
from mmeiou.models.losses.focaler_iou_loss import FocalerIoULoss
from mmeiou.models.losses.inner_iou_loss import InnerIoULoss
from mmeiou.models.losses.mpdiou_loss import MPDIoULoss
from mmeiou.models.losses.nwd_loss import NWDLoss
from mmeiou.models.losses.piou_loss import PIoULoss
from mmeiou.models.losses.shape_iou_loss import ShapeIoULoss
from mmeiou.models.losses.wiou_loss import WIoULoss

__all__ = [
    "AlphaIoULoss",
    "EIoULoss",
    "EfficientIoULoss",
    "FocalerIoULoss",
    "InnerIoULoss",
    "MPDIoULoss",
    "NWDLoss",
    "PIoULoss",
    "ShapeIoULoss",
    "WIoULoss",
]
