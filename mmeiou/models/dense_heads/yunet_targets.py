"""What the priors of an image should say."""

from typing import Any, NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from mmeiou.functional.ignore import ignored_priors
from mmeiou.functional.priors import encode_keypoints, prior_centres
from mmeiou.models.dense_heads.yunet_outputs import FlatOutputs


class Targets(NamedTuple):
    """Targets of the ``P`` priors of an image and of the ``n`` positives among them."""

    positive: Tensor
    """``(P,)`` bool."""
    considered: Tensor
    """``(P,)`` bool, false in ignored regions."""
    cls: Tensor
    """``(n, num_classes)`` one-hot."""
    overlaps: Tensor
    """``(n,)`` IoU of the decoded box with its ground truth, by the assigner."""
    boxes: Tensor
    """``(n, 4)`` boxes in pixels."""
    kps: Tensor
    """``(n, 2 * num_keypoints)`` offsets in strides."""
    kps_weight: Tensor
    """``(n, num_keypoints)``."""


@torch.no_grad()
def image_targets(
    assigner: Any,
    outputs: FlatOutputs,
    gt: InstanceData,
    ignored: InstanceData | None,
    *,
    num_classes: int,
    num_keypoints: int,
    ignore_iof_thr: float,
) -> Targets:
    """Assign the priors of an image and say what each should predict.

    Args:
        assigner: An assigner of MMDetection's interface.
        outputs: Of this image.
        gt: ``bboxes``, ``labels`` and, with landmarks, ``keypoints`` ``(n, num_keypoints, 3)``.
        ignored: ``bboxes`` of ignored regions.
        num_classes: Of the head.
        num_keypoints: Of the head.
        ignore_iof_thr: See :func:`mmeiou.functional.ignore.ignored_priors`.

    Raises:
        ValueError: If landmarks are missing or their number is another.
    """
    centres = prior_centres(outputs.priors)
    scores = outputs.cls.sigmoid() * outputs.obj.sigmoid().unsqueeze(1)
    result = assigner.assign(
        InstanceData(bboxes=outputs.boxes, scores=scores.sqrt(), priors=centres), gt
    )
    positive = result.gt_inds > 0
    matched = result.gt_inds[positive] - 1
    considered = torch.ones_like(positive)
    if ignored is not None and len(ignored):
        considered = positive | ~ignored_priors(
            centres, outputs.boxes, ignored.bboxes, ignore_iof_thr
        )
    one_hot = F.one_hot(gt.labels[matched], num_classes)
    keypoints = _checked_keypoints(gt, num_keypoints)[matched]
    return Targets(
        positive=positive,
        considered=considered,
        cls=one_hot.to(outputs.cls.dtype),
        overlaps=result.max_overlaps[positive],
        boxes=gt.bboxes[matched],
        kps=encode_keypoints(outputs.priors[positive], keypoints[..., :2]),
        kps_weight=keypoints[..., 2],
    )


def _checked_keypoints(gt: InstanceData, num_keypoints: int) -> Tensor:
    """``(n, num_keypoints, 3)`` landmarks x, y, weight of the ground truths of an image."""
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
