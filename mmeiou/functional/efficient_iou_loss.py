"""Efficient IoU: centres, widths and heights compared each by themselves."""

from torch import Tensor

from mmeiou.functional.box_pairs import EPS, box_pairs, pair_iou, penalties
from mmeiou.functional.boxes import box_size, enclosing_size


def check_options(gamma: float) -> None:
    """Refuse options that :func:`efficient_iou_loss` does not know.

    Raises:
        ValueError: If ``gamma`` is below 0.
    """
    if not gamma >= 0:
        raise ValueError(f"gamma must be 0 or above, got {gamma}")


def efficient_iou_loss(pred: Tensor, target: Tensor, gamma: float = 0.0) -> Tensor:
    """Efficient-IoU loss per box, elsewhere called EIoU; not the *Extended* IoU of this package.

    With the distance of the centres ``rho`` and width, height, diagonal ``cw``, ``ch``, ``c`` of
    the enclosing box::

        L = 1 - IoU + rho^2 / c^2 + (w - wt)^2 / cw^2 + (h - ht)^2 / ch^2
        loss = IoU^gamma * L

    Zhang et al., arXiv 2101.08158; ``gamma`` makes it Focal-EIoU, with 0.5 in the paper. Whether
    ``IoU^gamma`` passes a gradient is left open; here it weighs and is detached, for its gradient
    is infinite where boxes part. With it, boxes that do not overlap learn nothing.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        gamma: Exponent of the weight; 0 is none.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If ``gamma`` is below 0 or the shapes do not fit.

    Example:
        >>> import torch
        >>> efficient_iou_loss(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]]))
        tensor([0.8000])
    """
    check_options(gamma)
    pred, target = box_pairs(pred, target)
    iou = pair_iou(pred, target)
    (by_distance,) = penalties(pred, target, "diou")
    by_size = (box_size(pred) - box_size(target)).square()
    by_size = by_size / enclosing_size(pred, target).square().clamp(min=EPS)
    loss = 1 - iou + by_distance + by_size.sum(-1)
    return loss if gamma == 0 else iou.detach() ** gamma * loss
