"""Losses."""

from mmeiou.models.losses.eiou_loss import EIoULoss

__all__ = ["EIoULoss"]
