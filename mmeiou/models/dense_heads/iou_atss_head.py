"""The head of ATSS with an IoU branch."""

from typing import Any

from mmdet.models.dense_heads import ATSSHead
from torch import Tensor

from mmeiou.functional.boxes import box_area
from mmeiou.models.dense_heads.iou_centerness_mixin import CenternessIoUHeadMixin
from mmeiou.models.losses.prior_area import prior_area_kwargs
from mmeiou.registry import MODELS


@MODELS.register_module()
class IoUATSSHead(CenternessIoUHeadMixin, ATSSHead):
    """MMDetection's ``ATSSHead`` with a predicted IoU per anchor, layer ``conv_iou``.

    A box loss that asks for prior areas gets those of the anchors. Options: those of ``ATSSHead``,
    of :class:`mmeiou.models.iou_branch.IoUBranchMixin` and of
    :class:`mmeiou.models.dense_heads.iou_centerness_mixin.CenternessIoUHeadMixin`.
    """

    box_predictor = "atss_reg"
    centerness_predictor = "atss_centerness"

    def get_targets(self, *args: Any, **kwargs: Any) -> Any:
        """Targets of ``ATSSHead``; the positives among them are kept for the IoU loss."""
        targets = super().get_targets(*args, **kwargs)
        anchors, labels, _, bbox_targets, *_ = targets
        self._remember(anchors, labels, bbox_targets)
        return targets

    def loss_by_feat_single(
        self,
        anchors: Tensor,
        cls_score: Tensor,
        bbox_pred: Tensor,
        centerness: Tensor | None,
        labels: Tensor,
        label_weights: Tensor,
        bbox_targets: Tensor,
        avg_factor: float,
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """Losses of one level: MMDetection's, where alone anchors and the box loss meet.

        Overridden to give the areas of the anchors to the box loss, and to compute no loss of a
        centerness that is None.

        Returns:
            ``loss_cls``, ``loss_bbox``, ``loss_centerness``, and the sum of the positives' weights.
        """
        labels = labels.reshape(-1)
        loss_cls = self.loss_cls(
            cls_score.permute(0, 2, 3, 1).reshape(-1, self.cls_out_channels).contiguous(),
            labels,
            label_weights.reshape(-1),
            avg_factor=avg_factor,
        )
        positive = self._foreground(labels).nonzero().squeeze(1)
        if not len(positive):
            zero = None if centerness is None else centerness.sum() * 0
            return loss_cls, bbox_pred.sum() * 0, zero, bbox_targets.new_tensor(0.0)
        anchors, targets = anchors.reshape(-1, 4)[positive], bbox_targets.reshape(-1, 4)[positive]
        deltas = bbox_pred.permute(0, 2, 3, 1).reshape(-1, 4)[positive]
        weight = self.centerness_target(anchors, targets)
        loss_bbox = self.loss_bbox(
            self.bbox_coder.decode(anchors, deltas),
            targets,
            weight=weight,
            avg_factor=1.0,
            **prior_area_kwargs(self.loss_bbox, box_area(anchors)),
        )
        loss_centerness = None
        if centerness is not None:
            logits = centerness.permute(0, 2, 3, 1).reshape(-1)[positive]
            loss_centerness = self.loss_centerness(logits, weight, avg_factor=avg_factor)
        return loss_cls, loss_bbox, loss_centerness, weight.sum()
