"""Box heads of two-stage detectors."""

from mmeiou.models.roi_heads.shared_2fc_iou_bbox_head import Shared2FCIoUBBoxHead

__all__ = ["Shared2FCIoUBBoxHead"]
