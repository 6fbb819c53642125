"""Elementary geometry of axis-aligned boxes ``x1 y1 x2 y2``, without the +1 pixel convention."""

import torch
from torch import Tensor


def box_area(boxes: Tensor) -> Tensor:
    """Area of boxes ``(..., 4)``; an inverted side counts as zero length."""
    size = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0)
    return size[..., 0] * size[..., 1]


def intersection(a: Tensor, b: Tensor) -> Tensor:
    """Area of the overlap of boxes ``a`` and ``b`` that broadcast against each other."""
    size = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    size = size.clamp(min=0)
    return size[..., 0] * size[..., 1]


def box_iou(a: Tensor, b: Tensor, eps: float = 1e-6) -> Tensor:
    """IoU of boxes that broadcast: ``(n, 1, 4)`` and ``(m, 4)`` give ``(n, m)``."""
    inter = intersection(a, b)
    return inter / (box_area(a) + box_area(b) - inter).clamp(min=eps)


def box_iof(a: Tensor, b: Tensor, eps: float = 1e-6) -> Tensor:
    """Share of ``a`` that lies in ``b`` (intersection over foreground)."""
    return intersection(a, b) / box_area(a).clamp(min=eps)


def box_centre(boxes: Tensor) -> Tensor:
    """Centres ``(..., 2)`` of boxes ``(..., 4)``."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def box_size(boxes: Tensor) -> Tensor:
    """Signed width and height ``(..., 2)`` of boxes ``(..., 4)``: below 0 on an inverted axis."""
    return boxes[..., 2:] - boxes[..., :2]


def enclosing_size(a: Tensor, b: Tensor) -> Tensor:
    """Width and height ``(..., 2)`` of the smallest box around boxes ``a`` and ``b``.

    Around all their corners, so that no centre or size differs by more than it times two, inverted
    boxes included.
    """
    corners = torch.minimum(a[..., :2], a[..., 2:]), torch.maximum(a[..., :2], a[..., 2:])
    others = torch.minimum(b[..., :2], b[..., 2:]), torch.maximum(b[..., :2], b[..., 2:])
    return torch.maximum(corners[1], others[1]) - torch.minimum(corners[0], others[0])
