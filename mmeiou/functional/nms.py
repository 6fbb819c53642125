"""Greedy non-maximum suppression in whole blocks of boxes, equal to MMCV's compiled CPU kernel."""

import torch
from torch import Tensor

# Boxes decided together. Each costs at most one pass over the block's square of overlaps, so a
# larger block makes chains of boxes slow and a smaller one spends its time in calls.
_BLOCK = 128
# Boxes compared with a block at a time: the temporaries of block x tile stay in the CPU's L2 cache.
_TILE = 1024


def pixel_iou(a: Tensor, b: Tensor, offset: int) -> Tensor:
    """IoU of boxes whose sides are ``x2 - x1 + offset``, rounded as compiled MMCV rounds it.

    Unlike :func:`mmeiou.functional.boxes.box_iou` nothing guards the division: two boxes without
    area give NaN, which compares as "no overlap".

    Args:
        a: Coordinates ``(4, ...)``, x1 y1 x2 y2 along the first axis.
        b: Coordinates ``(4, ...)`` that broadcast against ``a``.
        offset: 0, or 1 for coordinates that name the last pixel inside.

    Returns:
        Overlaps of the broadcast shape.
    """
    area_a = (a[2] - a[0] + offset) * (a[3] - a[1] + offset)
    area_b = (b[2] - b[0] + offset) * (b[3] - b[1] + offset)
    width = torch.minimum(a[2], b[2]).sub_(torch.maximum(a[0], b[0])).add_(offset).clamp_(min=0)
    height = torch.minimum(a[3], b[3]).sub_(torch.maximum(a[1], b[1])).add_(offset).clamp_(min=0)
    inter = width.mul_(height)
    return inter / (area_a + area_b).sub_(inter)


@torch.no_grad()
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int = 0) -> Tensor:
    """Keep each box that no better kept box overlaps by more than a threshold.

    The best undecided boxes are taken a block at a time. Inside the block ``kept_j = no i before j
    with kept_i and IoU_ij > iou_threshold`` is iterated from "all kept": a pass settles at least
    one further box, and greedy suppression is the only fixed point. The block's kept boxes then
    thin out all later ones. OpenCV's compiled ``NMSBoxes`` is no substitute: it computes in float64
    on rectangles x y w h, drops the order of ties, and knows no ``offset``.

    Args:
        boxes: ``(n, 4)`` x1 y1 x2 y2. A box with a NaN neither suppresses nor is suppressed.
        scores: ``(n,)``. Among equal scores the earlier box comes first (compiled MMCV leaves that
            to chance: its sort is not stable).
        iou_threshold: Boxes are suppressed above, not at, this IoU.
        offset: 0, or 1 to measure sides as ``x2 - x1 + 1``.

    Returns:
        ``(k,)`` int64 indices of the kept boxes by falling score.

    Raises:
        ValueError: If the shapes are not ``(n, 4)`` and ``(n,)``.
    """
    if scores.ndim != 1 or boxes.shape != (*scores.shape, 4):
        raise ValueError(
            f"nms takes boxes (n, 4) and scores (n,), got {tuple(boxes.shape)} and "
            f"{tuple(scores.shape)}"
        )
    boxes = boxes.to(torch.promote_types(boxes.dtype, torch.float32))
    order = scores.sort(descending=True, stable=True).indices
    coordinates = boxes[order].T.contiguous()
    rest = torch.arange(len(order), device=order.device)
    kept = [rest[:0]]
    while rest.numel():
        block, rest = rest[:_BLOCK], rest[_BLOCK:]
        block = block[_undefeated(coordinates[:, block], iou_threshold, offset)]
        kept.append(block)
        winners = coordinates[:, block, None]
        rest = torch.cat(
            [
                tile[~_any_above(winners, coordinates[:, None, tile], iou_threshold, offset)]
                for tile in torch.split(rest, _TILE)
            ]
        )
    return order[torch.cat(kept)]


def _undefeated(boxes: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Greedy suppression among the boxes ``(4, n)``, best first: which are kept ``(n,)``."""
    beats = (pixel_iou(boxes[:, :, None], boxes[:, None], offset) > iou_threshold).triu_(1)
    alive = beats.new_ones(len(beats))
    while not torch.equal(alive, settled := ~beats[alive].any(0)):
        alive = settled
    return alive


def _any_above(winners: Tensor, others: Tensor, iou_threshold: float, offset: int) -> Tensor:
    return (pixel_iou(winners, others, offset) > iou_threshold).any(0)
