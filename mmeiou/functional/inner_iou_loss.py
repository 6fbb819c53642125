"""Inner-IoU: the IoU of boxes that are scaled about their centres."""

import torch
from torch import Tensor

from mmeiou.functional.box_pairs import Base, box_pairs, check_base, pair_iou, penalties
from mmeiou.functional.boxes import box_centre, box_size


def check_options(ratio: float, base: str) -> None:
    """Refuse options that :func:`inner_iou_loss` does not know.

    Raises:
        ValueError: If ``ratio`` is not above 0 or ``base`` unknown.
    """
    if not ratio > 0:
        raise ValueError(f"ratio must be above 0, got {ratio}")
    check_base(base)


def inner_iou_loss(pred: Tensor, target: Tensor, ratio: float = 0.75, base: Base = "iou") -> Tensor:
    """Inner-IoU loss per box: the base's, with the IoU of the scaled boxes for the IoU.

    ::

        loss = 1 - IoU(ratio) + penalties       = L_base + IoU - IoU(ratio)

    Zhang et al., arXiv 2311.02877. Below 1 the scaled boxes part sooner and the loss is steeper
    near the minimum; above 1 boxes that are apart may still overlap. The paper takes ratios from
    0.5 to 1.5 by data set; the default is ours. The penalties see the boxes as they are.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        ratio: Factor of width and height, above 0.
        base: ``'iou'``, ``'giou'``, ``'diou'`` or ``'ciou'``.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If an option is out of range or the shapes do not fit.

    Example:
        >>> pred, target = torch.tensor([[1.0, 0, 5, 2]]), torch.tensor([[0.0, 0, 4, 2]])
        >>> inner_iou_loss(pred, target, ratio=0.5)  # 2 x 1 each, 1 x 1 in common
        tensor([0.6667])
    """
    check_options(ratio, base)
    pred, target = box_pairs(pred, target)
    scaled = pair_iou(_scaled(pred, ratio), _scaled(target, ratio))
    return 1 - scaled + sum(penalties(pred, target, base))


def _scaled(boxes: Tensor, ratio: float) -> Tensor:
    centre, half = box_centre(boxes), box_size(boxes) * (ratio / 2)
    return torch.cat([centre - half, centre + half], dim=-1)
