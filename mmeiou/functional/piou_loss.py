"""Powerful-IoU: distances of the edges in sizes of the target; attention to middling boxes."""

from typing import Literal, get_args

import torch
from torch import Tensor

from mmeiou.functional.box_pairs import EPS, box_pairs, pair_iou
from mmeiou.functional.boxes import box_size

Version = Literal["v1", "v2"]


def check_options(version: str) -> None:
    """Refuse options that :func:`piou_loss` does not know.

    Raises:
        ValueError: If ``version`` is unknown.
    """
    if version not in get_args(Version):
        raise ValueError(f"version must be one of {get_args(Version)}, got {version!r}")


def piou_loss(
    pred: Tensor,
    target: Tensor,
    version: Version = "v2",
    attention: float = 1.3,
    detach_attention: bool = False,
) -> Tensor:
    """Powerful-IoU loss per box; not the PIoU of rotated boxes.

    With ``P`` the mean over the four edges of their distance, in widths or heights of the target::

        v1: L = 1 - IoU + 1 - exp(-P^2)
        v2: 3 x exp(-x^2) L        x = attention * exp(-P)

    Liu et al., "Powerful-IoU", Neural Networks 170 (2024), doi 10.1016/j.neunet.2023.11.041. The
    attention passes a gradient in the authors' code, and does here. From ``P = 0.95`` on it falls
    faster with distance than ``L`` grows, so that boxes are pushed off; ``detach_attention`` keeps
    the pull, as the detached factor of WIoU does.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
        target: Boxes of the same shape.
        version: ``'v1'`` or ``'v2'``.
        attention: ``lambda`` of the paper.
        detach_attention: Let the attention weigh, and pass no gradient.

    Returns:
        ``(..., n)`` losses, 0 for equal boxes that have an area.

    Raises:
        ValueError: If ``version`` is unknown or the shapes do not fit.

    Example:
        >>> pred, target = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]])
        >>> piou_loss(pred, target, version="v1")  # P = 1 / 8
        tensor([0.5155])
    """
    check_options(version)
    pred, target = box_pairs(pred, target)
    size = box_size(target).clamp(min=EPS)
    p = ((pred - target).abs() / torch.cat([size, size], dim=-1)).mean(-1)
    loss = 2 - pair_iou(pred, target) - (-p.square()).exp()
    if version == "v1":
        return loss
    x = attention * (-p).exp()
    factor = 3 * x * (-x.square()).exp()
    return (factor.detach() if detach_attention else factor) * loss
