"""Elementary overlaps of axis-aligned boxes ``x1 y1 x2 y2``, without the +1 pixel convention."""

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
