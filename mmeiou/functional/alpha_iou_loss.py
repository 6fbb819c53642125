"""Alpha-IoU: the terms of an IoU loss to a power."""

from torch import Tensor

from mmeiou.functional.box_pairs import Base, box_pairs, check_base, pair_iou, penalties


def check_options(alpha: float, base: str) -> None:
    """Refuse options that :func:`alpha_iou_loss` does not know.

    Raises:
        ValueError: If ``alpha`` is below 1 or ``base`` unknown.
    """
    if not alpha >= 1:
        raise ValueError(
            f"alpha must be 1 or above, got {alpha}; below, the gradient is infinite where a term "
            "of the loss is 0"
        )
    check_base(base)


def alpha_iou_loss(pred: Tensor, target: Tensor, alpha: float = 3.0, base: Base = "iou") -> Tensor:
    """Alpha-IoU loss per box: ``1 - IoU^alpha``, plus the base's penalties to the same power.

    He et al., arXiv 2110.13675. The penalties are those of
    :func:`mmeiou.functional.box_pairs.penalties`; the factor of CIoU's aspect ratio is detached, as
    it is there. The distance of DIoU and CIoU is raised as a whole, ``(rho^2 / c^2)^alpha``, as the
    paper writes it; the authors' code raises each axis by itself. The paper recommends
    ``alpha = 3``; it also has exponents below 1, which are refused here.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        alpha: Exponent, 1 or above; 1 gives the base.
        base: ``'iou'``, ``'giou'``, ``'diou'`` or ``'ciou'``.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If an option is out of range or the shapes do not fit.

    Example:
        >>> import torch
        >>> alpha_iou_loss(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]]))
        tensor([0.8750])
    """
    check_options(alpha, base)
    pred, target = box_pairs(pred, target)
    iou = pair_iou(pred, target)
    loss = 1 - iou**alpha
    for term in penalties(pred, target, base, iou):
        loss = loss + term**alpha
    return loss
