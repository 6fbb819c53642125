"""Assigners and what they measure boxes with."""

from mmeiou.models.task_modules.extended_iou_2d import ExtendedIoU2D
from mmeiou.models.task_modules.extended_iou_cost import ExtendedIoUCost
from mmeiou.models.task_modules.simota_assigner import SimOTAAssigner

__all__ = ["ExtendedIoU2D", "ExtendedIoUCost", "SimOTAAssigner"]
