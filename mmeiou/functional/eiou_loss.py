"""The loss on the extended IoU, with a zero gradient at its minimum."""

import torch
from torch import Tensor

from mmeiou.functional.extended_iou import extended_iou


def eiou_loss(pred: Tensor, target: Tensor, smooth_point: float = 0.1, eps: float = 1e-6) -> Tensor:
    """Extended IoU loss per box.

    With ``d = 1 - EIoU`` and ``s = smooth_point``::

        loss = d**2 / (2 * s)  if d < s  else  d - s / 2

    That the quadratic part is the paper's convexification technique is our reading: it does what
    the abstract asks for.

    Args:
        pred: ``(n, 4)`` boxes x1 y1 x2 y2 in pixels.
        target: ``(n, 4)`` boxes x1 y1 x2 y2 in pixels.
        smooth_point: Knee ``s`` in (0, 1]; 0.1 in the authors' later code, 0.2 in the earlier.
        eps: Lower bound of the union.

    Returns:
        ``(n,)`` losses.

    Raises:
        ValueError: If ``smooth_point`` is outside (0, 1] or the shapes differ.
    """
    if not 0 < smooth_point <= 1:
        raise ValueError(f"smooth_point must be in (0, 1], got {smooth_point}")
    if pred.shape != target.shape:
        raise ValueError(
            f"pred and target must have the same shape, got {tuple(pred.shape)} "
            f"and {tuple(target.shape)}"
        )
    distance = 1 - extended_iou(pred, target, eps=eps)
    return torch.where(
        distance < smooth_point,
        distance.square() / (2 * smooth_point),
        distance - smooth_point / 2,
    )
