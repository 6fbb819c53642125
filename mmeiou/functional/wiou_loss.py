"""Wise-IoU: an IoU loss scaled by distance, and by how bad a box is among the others."""

from torch import Tensor

from mmeiou.functional.box_pairs import EPS, box_pairs, pair_iou
from mmeiou.functional.boxes import box_centre, enclosing_size

_LEAST_MEAN = 1e-6  # keeps the outlier degree finite where all boxes are perfect


def check_options(alpha: float, delta: float) -> None:
    """Refuse options that :func:`wiou_loss` does not know.

    Raises:
        ValueError: If ``alpha`` is not above 1 or ``delta`` not above 0.
    """
    if not (alpha > 1 and delta > 0):
        raise ValueError(f"alpha must be above 1 and delta above 0, got {alpha} and {delta}")


def wiou_loss(
    pred: Tensor,
    target: Tensor,
    mean_iou_loss: Tensor | None = None,
    alpha: float = 1.9,
    delta: float = 3.0,
) -> Tensor:
    """Wise-IoU loss per box, version 1, or 3 if there is a mean.

    With the distance of the centres ``rho`` and the diagonal ``c`` of the enclosing box::

        L1 = exp(rho^2 / c^2) * (1 - IoU)              c detached
        L3 = b / (delta * alpha^(b - delta)) * L1      b = (1 - IoU) / mean, the factor detached

    ``b``, the outlier degree, is 1 for an average box; the factor is largest at
    ``b = 1 / ln(alpha)`` and small for very good and very bad boxes.

    Tong et al., arXiv 2301.10051; the paper says what is detached. Without overlap the gradient of
    the IoU is 0 and that of the exponential is left, so boxes that are apart still move.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        mean_iou_loss: Scalar, mean of ``1 - IoU`` over the boxes of late; None for version 1.
        alpha: Base of the factor of version 3, above 1.
        delta: Outlier degree whose factor is 1, above 0.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If an option is out of range or the shapes do not fit.

    Example:
        >>> import torch
        >>> pred, target = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]])
        >>> wiou_loss(pred, target)  # exp(1 / 20) / 2
        tensor([0.5256])
        >>> wiou_loss(pred, target, mean_iou_loss=torch.tensor(1 / 6))  # b = 3
        tensor([0.5256])
    """
    check_options(alpha, delta)
    pred, target = box_pairs(pred, target)
    iou_loss = 1 - pair_iou(pred, target)
    distance = (box_centre(pred) - box_centre(target)).square().sum(-1)
    diagonal = enclosing_size(pred, target).square().sum(-1).clamp(min=EPS).detach()
    loss = (distance / diagonal).exp() * iou_loss
    if mean_iou_loss is None:
        return loss
    degree = iou_loss.detach() / mean_iou_loss.clamp(min=_LEAST_MEAN)
    return degree / (delta * alpha ** (degree - delta)) * loss
