"""Shape-IoU: penalties weighed by the shape of the target."""

import torch
from torch import Tensor

from mmeiou.functional.box_pairs import EPS, box_pairs, pair_iou
from mmeiou.functional.boxes import box_centre, box_size, enclosing_size


def check_options(scale: float, theta: float) -> None:
    """Refuse options that :func:`shape_iou_loss` does not know.

    Raises:
        ValueError: If ``scale`` is below 0 or ``theta`` below 1.
    """
    if not scale >= 0:
        raise ValueError(f"scale must be 0 or above, got {scale}")
    if not theta >= 1:
        raise ValueError(f"theta must be 1 or above, got {theta}")


def shape_iou_loss(pred: Tensor, target: Tensor, scale: float = 0.0, theta: float = 4.0) -> Tensor:
    """Shape-IoU loss per box.

    With the offsets ``dx``, ``dy`` of the centres, the diagonal ``c`` of the enclosing box, sizes
    ``w``, ``h``, and ``wt``, ``ht`` of the target::

        ww = 2 wt^scale / (wt^scale + ht^scale)        hh = 2 ht^scale / (wt^scale + ht^scale)
        distance = (hh dx^2 + ww dy^2) / c^2
        shape = (1 - exp(-hh |w - wt| / max(w, wt)))^theta
              + (1 - exp(-ww |h - ht| / max(h, ht)))^theta
        loss = 1 - IoU + distance + shape / 2

    Zhang and Zhang, arXiv 2312.17663. ``scale`` follows the sizes of the data set's objects;
    the authors' code has 0, which leaves the target's shape out: ``ww = hh = 1``.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        scale: Exponent of the target's sides, 0 or above.
        theta: Exponent of the shape's terms, 1 or above.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If an option is out of range or the shapes do not fit.

    Example:
        >>> pred, target = torch.tensor([[1.0, 0, 5, 2]]), torch.tensor([[0.0, 0, 4, 2]])
        >>> shape_iou_loss(pred, target)  # 2 / 5 + 1 / 29
        tensor([0.4345])
        >>> shape_iou_loss(pred, target, scale=1.0)  # a wide target: x counts 2 / 3
        tensor([0.4230])
    """
    check_options(scale, theta)
    pred, target = box_pairs(pred, target)
    size, size_t = box_size(pred), box_size(target)
    # 2 a^s / (a^s + b^s) = 2 sigmoid(s log(a / b)), which does not overflow
    log = size_t.clamp(min=EPS).log()
    weight = 2 * torch.sigmoid(scale * (log.flip(-1) - log))  # hh, ww
    offset = (box_centre(pred) - box_centre(target)).square()
    diagonal = enclosing_size(pred, target).square().sum(-1).clamp(min=EPS)
    distance = (weight * offset).sum(-1) / diagonal
    change = weight * (size - size_t).abs() / torch.maximum(size, size_t).clamp(min=EPS)
    shape = ((1 - (-change).exp()) ** theta).sum(-1)
    return 1 - pair_iou(pred, target) + distance + shape / 2
