"""Registered shell of SimOTA."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.task_modules.assigners import AssignResult, BaseAssigner
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.functional.simota import simota_match
from mmeiou.registry import TASK_UTILS


@TASK_UTILS.register_module()
class SimOTAAssigner(BaseAssigner):
    """MMDetection's ``SimOTAAssigner`` without its loops, for one image or a batch.

    Usable in any head that takes MMDetection's, such as ``YOLOXHead``; ``YuNetHead`` gives it all
    images of a batch at once. Formula and source: :func:`mmeiou.functional.simota.simota_match`.

    Args:
        center_radius: Radius of the centre region in strides.
        candidate_topk: How many of the best IoUs make up a ground truth's number of priors.
        iou_weight: Weight of the IoU cost.
        cls_weight: Weight of the classification cost.
    """

    def __init__(
        self,
        center_radius: float = 2.5,
        candidate_topk: int = 10,
        iou_weight: float = 3.0,
        cls_weight: float = 1.0,
    ) -> None:
        self.center_radius = center_radius
        self.candidate_topk = candidate_topk
        self.iou_weight = iou_weight
        self.cls_weight = cls_weight

    def assign(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        gt_instances_ignore: InstanceData | None = None,  # noqa: ARG002 - MMDetection's signature
        **kwargs: Any,  # noqa: ARG002
    ) -> AssignResult:
        """Assign the ``priors``, ``bboxes`` and ``scores`` of an image to its ground truths.

        Ignored regions are the head's business: they change no assignment, only the loss.
        """
        (matched,), (overlaps,) = self.assign_batch(
            pred_instances.priors,
            pred_instances.bboxes.unsqueeze(0),
            pred_instances.scores.unsqueeze(0),
            [gt_instances],
        )
        labels = torch.full_like(matched, -1)
        positive = matched >= 0
        labels[positive] = gt_instances.labels[matched[positive]]
        return AssignResult(len(gt_instances), matched + 1, overlaps, labels=labels)

    @torch.no_grad()
    def assign_batch(
        self, priors: Tensor, bboxes: Tensor, scores: Tensor, gts: Sequence[InstanceData]
    ) -> tuple[Tensor, Tensor]:
        """Assign the priors of ``B`` images.

        Args:
            priors: ``(P, 4)`` centre x, centre y, stride x, stride y in pixels.
            bboxes: ``(B, P, 4)`` decoded predictions x1 y1 x2 y2 in pixels.
            scores: ``(B, P, C)`` predicted probabilities.
            gts: ``bboxes`` and ``labels`` of each image.

        Returns:
            ``(B, P)`` index of the ground truth in its image, -1 for negatives, and ``(B, P)`` IoU.
        """
        return simota_match(
            priors,
            bboxes,
            scores,
            [gt.bboxes for gt in gts],
            [gt.labels for gt in gts],
            center_radius=self.center_radius,
            candidate_topk=self.candidate_topk,
            iou_weight=self.iou_weight,
            cls_weight=self.cls_weight,
        )
