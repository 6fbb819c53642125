"""The head of FCOS with an IoU branch."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.dense_heads import FCOSHead
from mmdet.utils import reduce_mean
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.models.dense_heads.iou_centerness_mixin import CenternessIoUHeadMixin
from mmeiou.models.losses.prior_area import prior_area_kwargs
from mmeiou.registry import MODELS


class _FCOSHead(FCOSHead):
    """``FCOSHead`` that gives the areas of its cells to its box loss; centerness may be missing."""

    def loss_by_feat(
        self,
        cls_scores: Sequence[Tensor],
        bbox_preds: Sequence[Tensor],
        centernesses: Sequence[Tensor | None],
        batch_gt_instances: list[InstanceData],
        batch_img_metas: list[dict[str, Any]],  # noqa: ARG002 - MMDetection's signature
        batch_gt_instances_ignore: Any = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """MMDetection's losses in its order; its method, where alone cells and the box loss meet.

        Returns:
            ``loss_cls``, ``loss_bbox`` and ``loss_centerness``, None for levels without centerness.
        """
        points = self.prior_generator.grid_priors(
            [cls_score.shape[-2:] for cls_score in cls_scores],
            dtype=bbox_preds[0].dtype,
            device=bbox_preds[0].device,
        )
        labels, bbox_targets = (
            torch.cat(levels) for levels in self.get_targets(points, batch_gt_instances)
        )
        num_imgs = len(batch_gt_instances)
        priors = torch.cat([level.repeat(num_imgs, 1) for level in points])
        cell_areas = torch.cat(
            [
                level.new_full((num_imgs * len(level),), 1 if self.norm_on_bbox else width * height)
                for level, (width, height) in zip(points, self.prior_generator.strides, strict=True)
            ]
        )
        positive = ((labels >= 0) & (labels < self.num_classes)).nonzero().squeeze(1)
        num_pos = reduce_mean(labels.new_tensor(len(positive), dtype=torch.float)).clamp(min=1)

        cls_logits = _flat(cls_scores, self.cls_out_channels)
        losses = {"loss_cls": self.loss_cls(cls_logits, labels, avg_factor=num_pos)}
        if getattr(self.loss_cls, "custom_accuracy", False):
            losses.update(self.loss_cls.get_accuracy(cls_logits, labels))

        distances, targets = _flat(bbox_preds, 4)[positive], bbox_targets[positive]
        weight = self.centerness_target(targets)
        sum_of_weights = reduce_mean(weight.sum().detach()).clamp(min=1e-6)
        if len(positive):
            losses["loss_bbox"] = self.loss_bbox(
                self.bbox_coder.decode(priors[positive], distances),
                self.bbox_coder.decode(priors[positive], targets),
                weight=weight,
                avg_factor=sum_of_weights,
                **prior_area_kwargs(self.loss_bbox, cell_areas[positive]),
            )
        else:
            losses["loss_bbox"] = distances.sum()
        losses["loss_centerness"] = None
        maps = [level for level in centernesses if level is not None]
        if maps:
            logits = _flat(maps, 1).squeeze(1)[positive]
            losses["loss_centerness"] = (
                self.loss_centerness(logits, weight, avg_factor=num_pos)
                if len(positive)
                else logits.sum()
            )
        return losses


@MODELS.register_module()
class IoUFCOSHead(CenternessIoUHeadMixin, _FCOSHead):  # type: ignore[misc] # IoU maps come third
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

    def get_targets(self, points: Sequence[Tensor], batch_gt_instances: list[InstanceData]) -> Any:
        """Targets of ``FCOSHead``; the positives among them are kept for the IoU loss."""
        labels, bbox_targets = super().get_targets(points, batch_gt_instances)
        num_imgs = len(batch_gt_instances)
        self._remember([level.repeat(num_imgs, 1) for level in points], labels, bbox_targets)
        return labels, bbox_targets


def _flat(maps: Sequence[Tensor], channels: int) -> Tensor:
    return torch.cat([m.permute(0, 2, 3, 1).reshape(-1, channels) for m in maps])
