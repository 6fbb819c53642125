"""Focaler-IoU: the IoU stretched from an interval to [0, 1]."""

from torch import Tensor

from mmeiou.functional.box_pairs import Base, box_pairs, check_base, pair_iou, penalties


def check_options(lower: float, upper: float, base: str) -> None:
    """Refuse options that :func:`focaler_iou_loss` does not know.

    Raises:
        ValueError: If ``[lower, upper]`` is no interval of [0, 1] or ``base`` unknown.
    """
    if not 0 <= lower < upper <= 1:
        raise ValueError(f"0 <= lower < upper <= 1 must hold, got {lower} and {upper}")
    check_base(base)


def focaler_iou_loss(
    pred: Tensor, target: Tensor, lower: float = 0.0, upper: float = 0.95, base: Base = "iou"
) -> Tensor:
    """Focaler-IoU loss per box: the base's, with the stretched IoU for the IoU.

    ::

        IoU' = (IoU - lower) / (upper - lower), clipped to [0, 1]
        loss = 1 - IoU' + penalties             = L_base + IoU - IoU'

    Zhang and Zhang, arXiv 2401.10525, where the bounds are ``d`` and ``u``; the defaults are those
    of the authors' code. Outside the interval the IoU passes no gradient: the loss is 0 from an IoU
    of ``upper`` on, except for the penalties.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        lower: IoU up to which boxes count as bad.
        upper: IoU from which boxes count as good.
        base: ``'iou'``, ``'giou'``, ``'diou'`` or ``'ciou'``.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If an option is out of range or the shapes do not fit.

    Example:
        >>> import torch
        >>> pred, target = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]])
        >>> focaler_iou_loss(pred, target, lower=0.25, upper=0.75)
        tensor([0.5000])
    """
    check_options(lower, upper, base)
    pred, target = box_pairs(pred, target)
    iou = pair_iou(pred, target)
    stretched = ((iou - lower) / (upper - lower)).clamp(0, 1)
    return 1 - stretched + sum(penalties(pred, target, base, iou))
