"""RetinaNet's head with an IoU branch."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.dense_heads import RetinaHead
from torch import Tensor

from mmeiou.functional.boxes import box_area
from mmeiou.models.dense_heads.iou_head_mixin import IoUHeadMixin
from mmeiou.models.dense_heads.iou_taps import prior_area_for
from mmeiou.registry import MODELS


@MODELS.register_module()
class IoURetinaHead(IoUHeadMixin, RetinaHead):
    """MMDetection's ``RetinaHead`` with a predicted IoU per anchor, layer ``conv_iou``.

    With ``iou_fusion=0`` its predictions are those of ``RetinaHead``. A box loss that asks for
    prior areas gets those of the anchors. Options: those of ``RetinaHead`` and of
    :class:`mmeiou.models.iou_branch.IoUBranchMixin`.
    """

    box_predictor = "retina_reg"

    def get_targets(
        self, anchor_list: Sequence[Sequence[Tensor]], *args: Any, **kwargs: Any
    ) -> Any:
        """Targets of ``RetinaHead``; the positives among them are kept for the IoU loss."""
        targets = super().get_targets(anchor_list, *args, **kwargs)
        labels, _, bbox_targets, *_ = targets
        anchors = [torch.stack(level) for level in zip(*anchor_list, strict=True)]
        self._remember(anchors, labels, bbox_targets)
        return targets

    def loss_by_feat_single(
        self, cls_score: Tensor, bbox_pred: Tensor, anchors: Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        """Losses of one level."""
        with prior_area_for(self.loss_bbox, lambda: box_area(anchors.flatten(0, 1))):
            return super().loss_by_feat_single(cls_score, bbox_pred, anchors, *args, **kwargs)
