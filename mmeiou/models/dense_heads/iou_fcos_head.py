"""The head of FCOS with an IoU branch."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.dense_heads import FCOSHead
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.models.dense_heads.iou_centerness_mixin import CenternessIoUHeadMixin
from mmeiou.models.dense_heads.iou_taps import prior_area_for
from mmeiou.registry import MODELS


@MODELS.register_module()
class IoUFCOSHead(CenternessIoUHeadMixin, FCOSHead):
    """MMDetection's ``FCOSHead`` with a predicted IoU per point, layer ``conv_iou``.

    A point has no extent: a box loss that asks for prior areas gets the area of the point's cell,
    ``stride ** 2``, or 1 with ``norm_on_bbox``, which puts the boxes in strides (our reading).
    Objects are larger than cells, so ``sot='prior'`` wants a smaller ``loss_weight`` here.
    ``iou_target='prior'`` is refused for the same reason. Options: those of ``FCOSHead``, of
    :class:`mmeiou.models.iou_branch.IoUBranchMixin` and of
    :class:`mmeiou.models.dense_heads.iou_centerness_mixin.CenternessIoUHeadMixin`.
    """

    box_predictor = "conv_reg"
    centerness_predictor = "conv_centerness"
    priors_are_boxes = False
    _cell_areas: Tensor

    def get_targets(self, points: Sequence[Tensor], batch_gt_instances: list[InstanceData]) -> Any:
        """Targets of ``FCOSHead``; the positives among them are kept for the IoU loss."""
        labels, bbox_targets = super().get_targets(points, batch_gt_instances)
        num_imgs = len(batch_gt_instances)
        self._remember([level.repeat(num_imgs, 1) for level in points], labels, bbox_targets)
        areas = [
            targets.new_full((len(targets),), 1 if self.norm_on_bbox else width * height)
            for targets, (width, height) in zip(
                bbox_targets, self.prior_generator.strides, strict=True
            )
        ]
        self._cell_areas = torch.cat(areas)[self._positives.where]
        return labels, bbox_targets

    def loss_by_feat(self, *args: Any) -> dict[str, Any]:
        """Losses of the head and ``loss_iou``; ``loss_centerness`` only if it is kept."""
        with prior_area_for(self.loss_bbox, lambda: self._cell_areas):
            return super().loss_by_feat(*args)
