"""RetinaNet's head with an IoU branch."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.dense_heads import RetinaHead
from mmdet.structures.bbox import get_box_tensor
from torch import Tensor

from mmeiou.functional.boxes import box_area
from mmeiou.models.dense_heads.iou_head_mixin import IoUHeadMixin
from mmeiou.models.losses.prior_area import prior_area_kwargs
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
        self,
        cls_score: Tensor,
        bbox_pred: Tensor,
        anchors: Tensor,
        labels: Tensor,
        label_weights: Tensor,
        bbox_targets: Tensor,
        bbox_weights: Tensor,
        avg_factor: float,
    ) -> tuple[Tensor, Tensor]:
        """Losses of one level: MMDetection's, where alone anchors and the box loss meet.

        Overridden to give the areas of the anchors to the box loss.
        """
        loss_cls = self.loss_cls(
            cls_score.permute(0, 2, 3, 1).reshape(-1, self.cls_out_channels),
            labels.reshape(-1),
            label_weights.reshape(-1),
            avg_factor=avg_factor,
        )
        anchors = anchors.reshape(-1, 4)
        bbox_pred = bbox_pred.permute(0, 2, 3, 1).reshape(-1, 4)
        if self.reg_decoded_bbox:
            bbox_pred = get_box_tensor(self.bbox_coder.decode(anchors, bbox_pred))
        loss_bbox = self.loss_bbox(
            bbox_pred,
            bbox_targets.reshape(-1, 4),
            bbox_weights.reshape(-1, 4),
            avg_factor=avg_factor,
            **prior_area_kwargs(self.loss_bbox, box_area(anchors)),
        )
        return loss_cls, loss_bbox
