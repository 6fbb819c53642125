"""What the priors of a batch should say."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from mmeiou.functional.ignore import ignored_priors
from mmeiou.functional.priors import encode_keypoints, prior_centres
from mmeiou.models.dense_heads.yunet_outputs import FlatOutputs


class Targets(NamedTuple):
    """Targets of the ``P`` priors of each of ``B`` images and of the ``n`` positives among them."""

    positive: Tensor
    """``(B * P,)`` bool."""
    considered: Tensor
    """``(B * P,)`` bool, false in ignored regions."""
    cls: Tensor
    """``(n, num_classes)`` one-hot."""
    overlaps: Tensor
    """``(n,)`` IoU of the decoded box with its ground truth, by the assigner."""
    bboxes: Tensor
    """``(n, 4)`` x1 y1 x2 y2 in pixels."""
    kps: Tensor
    """``(n, 2 * num_keypoints)`` offsets in strides."""
    kps_weight: Tensor
    """``(n, num_keypoints)``."""


@torch.no_grad()
def batch_targets(
    assigner: Any,
    outputs: FlatOutputs,
    gts: Sequence[InstanceData],
    ignored: Sequence[InstanceData | None] | None,
    *,
    num_classes: int,
    num_keypoints: int,
    ignore_iof_thr: float,
) -> Targets:
    """Assign the priors of all images and say what each should predict.

    Args:
        assigner: An assigner of MMDetection's interface; its ``assign_batch`` is taken if it has
            one, see :class:`mmeiou.models.SimOTAAssigner`.
        outputs: Of the batch.
        gts: Of each image, ``bboxes``, ``labels`` and, with keypoints, ``keypoints`` ``(n,
            num_keypoints, 3)``.
        ignored: Of each image, ``bboxes`` of ignored regions, if it has any.
        num_classes: Of the head.
        num_keypoints: Of the head.
        ignore_iof_thr: See :func:`mmeiou.functional.ignore.ignored_priors`.

    Raises:
        ValueError: If keypoints are missing or their number is another.
    """
    keypoints = torch.cat([_checked_keypoints(gt, num_keypoints) for gt in gts])
    centres = prior_centres(outputs.priors)
    scores = (outputs.cls.sigmoid() * outputs.obj.sigmoid().unsqueeze(-1)).sqrt()
    assign = getattr(assigner, "assign_batch", None) or _one_by_one(assigner)
    matched, overlaps = assign(centres, outputs.bboxes, scores, gts)

    is_positive = matched >= 0
    considered = torch.ones_like(is_positive)
    for index, regions in enumerate(ignored or ()):
        if regions is not None and len(regions):
            considered[index] = is_positive[index] | ~ignored_priors(
                centres, outputs.bboxes[index], regions.bboxes, ignore_iof_thr
            )
    image, prior = is_positive.nonzero(as_tuple=True)
    counts = torch.tensor([len(gt) for gt in gts], device=image.device)
    gt_index = matched[image, prior] + (counts.cumsum(0) - counts)[image]
    one_hot = F.one_hot(torch.cat([gt.labels for gt in gts])[gt_index], num_classes)
    return Targets(
        positive=is_positive.flatten(),
        considered=considered.flatten(),
        cls=one_hot.to(outputs.cls.dtype),
        overlaps=overlaps[image, prior],
        bboxes=torch.cat([gt.bboxes for gt in gts])[gt_index],
        kps=encode_keypoints(outputs.priors[prior], keypoints[gt_index, :, :2]),
        kps_weight=keypoints[gt_index, :, 2],
    )


def _one_by_one(assigner: Any) -> Any:
    """``assign_batch`` of an assigner that knows single images only."""

    def assign(
        priors: Tensor, bboxes: Tensor, scores: Tensor, gts: Sequence[InstanceData]
    ) -> tuple[Tensor, Tensor]:
        results = [
            assigner.assign(InstanceData(bboxes=bbox, scores=score, priors=priors), gt)
            for bbox, score, gt in zip(bboxes, scores, gts, strict=True)
        ]
        matched = torch.stack([result.gt_inds - 1 for result in results])
        overlaps = torch.stack([result.max_overlaps for result in results])
        return matched, overlaps

    return assign


def _checked_keypoints(gt: InstanceData, num_keypoints: int) -> Tensor:
    """``(n, num_keypoints, 3)`` x, y, weight of the ground truths of an image."""
    if not num_keypoints:
        return gt.bboxes.new_zeros(len(gt), 0, 3)
    if "keypoints" not in gt:
        raise ValueError(
            f"the head predicts {num_keypoints} landmarks, but the ground truth has none: load "
            "them (mmeiou.LoadAnnotations with_keypoints=True, mmeiou.PackDetInputs) or set "
            "num_keypoints=0 in the head"
        )
    if gt.keypoints.shape[1:] != (num_keypoints, 3):
        raise ValueError(
            f"the head predicts {num_keypoints} landmarks, so keypoints must be (n, "
            f"{num_keypoints}, 3), got {tuple(gt.keypoints.shape)}: set num_keypoints in the head "
            "and in the dataset alike"
        )
    return gt.keypoints
