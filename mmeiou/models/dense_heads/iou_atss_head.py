"""The head of ATSS with an IoU branch."""

from typing import Any

from mmdet.models.dense_heads import ATSSHead
from torch import Tensor

from mmeiou.functional.boxes import box_area
from mmeiou.models.dense_heads.iou_centerness_mixin import CenternessIoUHeadMixin
from mmeiou.models.dense_heads.iou_taps import prior_area_for
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
        centerness: Tensor,
        labels: Tensor,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Losses of one level."""
        with prior_area_for(self.loss_bbox, lambda: box_area(anchors[self._foreground(labels)])):
            return super().loss_by_feat_single(
                anchors, cls_score, bbox_pred, centerness, labels, *args, **kwargs
            )
