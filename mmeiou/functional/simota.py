"""SimOTA: which priors answer for which ground truth.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430, section 2.3. Costs, constants
and the conflict rule are those of MMDetection's ``SimOTAAssigner``, against which it is tested.
"""

import torch
from torch import Tensor

from mmeiou.functional.boxes import box_iou

_OUTSIDE = 1e5  # added to the cost of a prior that is not both in the box and near its centre
_EPS = 1e-7


def _inside(points: Tensor, boxes: Tensor) -> Tensor:
    """``(n, 1, 2)`` points strictly inside ``(m, 4)`` or ``(n, m, 4)`` boxes: ``(n, m)`` bool."""
    return ((points > boxes[..., :2]) & (points < boxes[..., 2:])).all(dim=-1)


def _classification_cost(scores: Tensor, labels: Tensor) -> Tensor:
    """Binary cross-entropy of ``(n, C)`` scores against the one-hot ``(m,)`` labels: ``(n, m)``."""
    # 100 is where torch's binary_cross_entropy clamps its logarithms.
    if_positive = -scores.log().clamp(min=-100)
    if_negative = -(1 - scores).log().clamp(min=-100)
    others = if_negative.sum(dim=-1, keepdim=True) - if_negative
    return (if_positive + others)[:, labels]


def simota_match(
    priors: Tensor,
    boxes: Tensor,
    scores: Tensor,
    gt_boxes: Tensor,
    gt_labels: Tensor,
    *,
    center_radius: float = 2.5,
    candidate_topk: int = 10,
    iou_weight: float = 3.0,
    cls_weight: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Match the priors of one image with its ground truths.

    A prior is a candidate when its centre lies in any ground-truth box or within
    ``center_radius`` strides of any ground-truth centre. Each ground truth takes its ``k`` cheapest
    candidates by ``cls_weight * BCE - iou_weight * log(IoU)``, with ``k`` the sum of its
    ``candidate_topk`` largest IoUs, rounded down, at least 1. A prior that several ground truths
    want goes to the one, of all, for which it is cheapest.

    Args:
        priors: ``(P, 4)`` centre x, centre y, stride x, stride y in pixels.
        boxes: ``(P, 4)`` decoded predictions x1 y1 x2 y2 in pixels.
        scores: ``(P, C)`` predicted probabilities.
        gt_boxes: ``(G, 4)`` ground truths x1 y1 x2 y2 in pixels.
        gt_labels: ``(G,)`` class indices.
        center_radius: Radius of the centre region in strides.
        candidate_topk: How many of the best IoUs make up ``k``.
        iou_weight: Weight of the IoU cost.
        cls_weight: Weight of the classification cost.

    Returns:
        ``(P,)`` index of the matched ground truth, -1 for negatives, and ``(P,)`` IoU of the
        prediction with it, 0 for negatives.
    """
    matched = gt_labels.new_full((len(priors),), -1, dtype=torch.long)
    overlaps = boxes.new_zeros(len(priors))
    centres, strides = priors[:, None, :2], priors[:, None, 2:]
    gt_centres = (gt_boxes[:, :2] + gt_boxes[:, 2:]) / 2
    reach = center_radius * strides
    in_box = _inside(centres, gt_boxes)
    near = _inside(centres, torch.cat([gt_centres - reach, gt_centres + reach], dim=-1))
    candidate = (in_box | near).any(dim=1).nonzero().squeeze(1)
    if len(candidate) == 0:  # also when there is no ground truth at all
        return matched, overlaps

    iou = box_iou(boxes[candidate, None], gt_boxes)
    cost = (
        _classification_cost(scores[candidate], gt_labels) * cls_weight
        - (iou + _EPS).log() * iou_weight
        + ~(in_box & near)[candidate] * _OUTSIDE
    )
    # One sort of the cheapest few for all ground truths at once, cut at each one's own k: a loop
    # over ground truths costs as much as the network on a crowd image.
    topk = min(candidate_topk, len(candidate))
    dynamic_k = iou.topk(topk, dim=0).values.sum(dim=0).int().clamp(min=1)
    cheapest = cost.topk(topk, dim=0, largest=False).indices
    wanted = torch.zeros_like(cost, dtype=torch.bool)
    rank = torch.arange(topk, device=cost.device).unsqueeze(1)
    wanted.scatter_(0, cheapest, rank < dynamic_k)

    several = wanted.sum(dim=1, keepdim=True) > 1
    gt_index = torch.where(several, cost, torch.where(wanted, 0.0, float("inf"))).argmin(dim=1)
    positive = wanted.any(dim=1)
    prior_index, gt_index = candidate[positive], gt_index[positive]
    matched[prior_index] = gt_index
    overlaps[prior_index] = iou[positive, gt_index]
    return matched, overlaps
