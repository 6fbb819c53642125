"""Soft non-maximum suppression, equal to MMCV's compiled CPU kernel."""

from typing import Literal

import torch
from torch import Tensor

from mmeiou.functional.nms import pixel_iou

SoftNMSMethod = Literal["naive", "linear", "gaussian"]


@torch.no_grad()
def soft_nms(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 1e-3,
    method: SoftNMSMethod = "linear",
    offset: int = 0,
) -> tuple[Tensor, Tensor]:
    """Lower the scores of boxes that overlap a better one (Bodla et al., ICCV 2017).

    Again and again the best remaining box is taken and the scores of the others are multiplied by
    ``w(IoU)`` with it: ``naive`` 0 at or above the threshold, ``linear`` ``1 - IoU`` at or above
    it, ``gaussian`` ``exp(-IoU^2 / sigma)``. Boxes that fall below ``min_score`` are dropped.

    Two boxes without area have IoU 0 here; compiled MMCV makes their ``gaussian`` scores NaN.

    Args:
        boxes: ``(n, 4)`` x1 y1 x2 y2.
        scores: ``(n,)``.
        iou_threshold: Overlap from which ``naive`` and ``linear`` act.
        sigma: Width of ``gaussian``.
        min_score: Score below which a box is dropped.
        method: Which weight to use.
        offset: 0, or 1 to measure sides as ``x2 - x1 + 1``.

    Returns:
        ``(k, 5)`` boxes with their new scores, and their ``(k,)`` int64 indices, in the order in
        which they were taken.

    Raises:
        ValueError: If ``method`` is none of the three.
    """
    if method not in {"naive", "linear", "gaussian"}:
        raise ValueError(f"soft_nms knows 'naive', 'linear' and 'gaussian', not {method!r}")
    table = torch.cat([boxes, scores[:, None]], 1).T.contiguous()
    table = table.to(torch.promote_types(table.dtype, torch.float32))
    indices = torch.arange(table.shape[1], device=boxes.device)
    taken, left = 0, table.shape[1]
    while taken < left:
        best = taken + int(table[4, taken:left].argmax())
        # The order of ties follows from where the boxes lie, so they move as in the compiled
        # kernel: the taken box swaps places with the best one, ...
        table[:, [taken, best]] = table[:, [best, taken]]
        indices[[taken, best]] = indices[[best, taken]]
        rest = slice(taken + 1, left)
        overlap = pixel_iou(table[:4, taken, None], table[:4, rest], offset).nan_to_num_(0.0)
        table[4, rest] *= _weight(overlap, iou_threshold, sigma, method)
        # ... and each dropped box gives its place to the last remaining one.
        stays = ~(table[4, rest] < min_score)
        stayed = int(stays.sum())
        gaps = (~stays[:stayed]).nonzero()[:, 0]
        movers = stays[stayed:].nonzero()[:, 0].flip(0) + stayed
        table[:, rest][:, gaps] = table[:, rest][:, movers]
        indices[rest][gaps] = indices[rest][movers]
        taken, left = taken + 1, taken + 1 + stayed
    return table[:, :left].T.to(boxes.dtype), indices[:left]


def _weight(overlap: Tensor, iou_threshold: float, sigma: float, method: SoftNMSMethod) -> Tensor:
    if method == "gaussian":
        return (-(overlap * overlap) / sigma).exp_()
    reduced = torch.zeros_like(overlap) if method == "naive" else 1 - overlap
    return torch.where(overlap >= iou_threshold, reduced, 1.0)
