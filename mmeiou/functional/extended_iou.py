"""Extended IoU: an IoU that keeps falling, below zero, as boxes move apart.

From the code that the authors of "A Systematic IoU-Related Method" (Peng and Yu, IEEE TIP 2021)
released with their face detector. Not to be confused with *Efficient* IoU (arXiv 2101.08158), which
is also abbreviated EIoU.
"""

import torch
from torch import Tensor


def extended_intersection_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Signed intersection ``I`` and union ``U`` of boxes.

    With ``e`` the top-left corner of the enclosing box, ``i1`` and ``i2`` the corners of the
    intersection before clipping, and ``m``, ``M`` their minimum and maximum per axis, all lengths
    measured from ``e``::

        I = i2x * i2y + mx * my - i1x * My - Mx * i1y
        U = area(a) + area(b) - I

    Args:
        a: ``(..., 4)`` boxes x1 y1 x2 y2, broadcastable against ``b``.
        b: ``(..., 4)`` boxes x1 y1 x2 y2.

    Returns:
        ``I`` and ``U`` of the broadcast shape, in squared pixels. ``I <= 0`` without overlap.
    """
    enclosing = torch.minimum(a[..., :2], b[..., :2])
    i1 = torch.maximum(a[..., :2], b[..., :2]) - enclosing
    i2 = torch.minimum(a[..., 2:], b[..., 2:]) - enclosing
    low, high = torch.minimum(i1, i2), torch.maximum(i1, i2)
    inter = (
        i2[..., 0] * i2[..., 1]
        + low[..., 0] * low[..., 1]
        - i1[..., 0] * high[..., 1]
        - high[..., 0] * i1[..., 1]
    )
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    union = size_a[..., 0] * size_a[..., 1] + size_b[..., 0] * size_b[..., 1] - inter
    return inter, union


def extended_iou(a: Tensor, b: Tensor, eps: float = 1e-6) -> Tensor:
    """``I / U`` of :func:`extended_intersection_union`: the IoU where boxes overlap, else negative.

    In (-1, 1] unless a box is inverted. ``eps`` bounds the denominator of boxes without area.
    Half-precision input is computed in float32, in which the area of a 640-pixel box still fits.
    """
    if a.dtype in {torch.float16, torch.bfloat16}:
        a, b = a.float(), b.float()
    inter, union = extended_intersection_union(a, b)
    return inter / union.clamp(min=eps)
