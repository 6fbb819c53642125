"""Extended IoU: an IoU that keeps falling, below zero, as boxes move apart.

From the code that the authors of "A Systematic IoU-Related Method" (Peng and Yu, IEEE TIP 2021)
released with their face detector. Not to be confused with *Efficient* IoU (arXiv 2101.08158), which
is also abbreviated EIoU.
"""

import torch
from torch import Tensor

from mmeiou.functional.boxes import box_area


def intersection_and_union(
    a: Tensor, b: Tensor, mirror_symmetric: bool = False
) -> tuple[Tensor, Tensor]:
    """Signed intersection ``I`` and union ``U >= 0``, the two parts of the extended IoU.

    The authors' code measures all lengths from the top-left corner ``e`` of the enclosing box. With
    ``i1``, ``i2`` the corners of the intersection before clipping, and ``m``, ``M`` their minimum
    and maximum per axis, ``I = i2x i2y + mx my - i1x My - Mx i1y``. Written out for overlap and gap
    on each axis, that is the form used here (ours, the same value)::

        w = min(a2, b2) - max(a1, b1)    g = min(w, 0)    d = |a1 - b1|      per axis
        I = wx wy + gx gy + 2 (gx dy + gy dx)
        U = area(a) + area(b) - I

    The reference measures ``d`` at the top-left corners alone, and so tells a pair from its mirror
    image. With ``mirror_symmetric`` (ours) ``d`` is the mean of the distances of the top-left and
    of the bottom-right corners. Proof of the invariance: a mirror leaves ``w`` as it is and swaps
    the two distances of its axis. As ``I`` is linear in ``dx`` and in ``dy``, it becomes the mean
    of the reference over the pair's four mirror images.

    An inverted box has no area and a gap on its inverted axis; with ``d >= -g``, which holds by
    itself for all other boxes, ``U >= |I|`` for whatever input.

    Args:
        a: ``(..., 4)`` boxes x1 y1 x2 y2.
        b: The same, broadcastable against ``a``.
        mirror_symmetric: See above.

    Returns:
        ``I`` and ``U``, both of the broadcast shape ``(...)``.
    """
    a1, a2, b1, b2 = a[..., :2], a[..., 2:], b[..., :2], b[..., 2:]
    d = (a1 - b1).abs()
    if mirror_symmetric:
        d = (d + (a2 - b2).abs()) / 2
    w = torch.minimum(a2, b2) - torch.maximum(a1, b1)
    g = w.clamp(max=0)
    d = torch.maximum(d, -g)  # changes nothing but for inverted boxes
    (wx, wy), (gx, gy), (dx, dy) = w.unbind(-1), g.unbind(-1), d.unbind(-1)
    inter = wx * wy + gx * gy + 2 * (gx * dy + gy * dx)
    return inter, box_area(a) + box_area(b) - inter


def at_least_float32(*boxes: Tensor) -> tuple[Tensor, ...]:
    """Upcast half precision: the area of a 640-pixel box does not fit into float16."""
    dtype = torch.float32
    for box in boxes:
        dtype = torch.promote_types(dtype, box.dtype)
    return tuple(box.to(dtype) for box in boxes)


def extended_iou(
    pred: Tensor,
    target: Tensor,
    aligned: bool = True,
    mirror_symmetric: bool = False,
    eps: float = 1e-12,
) -> Tensor:
    """Extended IoU ``I / U``: the IoU where boxes overlap, else negative; in (-1, 1].

    Symmetric in its two boxes, continuous, and falling with distance, so that boxes that are apart
    are pulled together. Formula: :func:`intersection_and_union`. Differentiable by autograd.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2; half precision is computed in float32.
        target: ``(..., m, 4)`` boxes; ``m = n`` if ``aligned``. Leading dimensions broadcast.
        aligned: Box by box; else every ``pred`` with every ``target``.
        mirror_symmetric: Take our mirror-invariant extension instead of the authors'. The two
            differ only for boxes that are apart.
        eps: Added to the union, so that two boxes without area in the same place give 0.

    Returns:
        ``(..., n)`` if ``aligned``, else ``(..., n, m)``.

    Raises:
        ValueError: If the boxes are not x1 y1 x2 y2, or do not match where ``aligned``.

    Example:
        >>> a = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
        >>> b = torch.tensor([[1.0, 0.0, 3.0, 2.0], [6.0, 0.0, 8.0, 2.0]])
        >>> extended_iou(a, b, aligned=False)
        tensor([[ 0.5000, -0.2500]])
    """
    check_boxes(pred, target, aligned=aligned)
    pred, target = at_least_float32(pred, target)
    if not aligned:
        pred, target = pred.unsqueeze(-2), target.unsqueeze(-3)
    inter, union = intersection_and_union(pred, target, mirror_symmetric)
    return inter / (union + eps)


def check_boxes(pred: Tensor, target: Tensor, aligned: bool = True) -> None:
    """Refuse what are not boxes, or not pairs of them.

    Raises:
        ValueError: With both shapes.
    """
    if not pred.shape[-1:] == target.shape[-1:] == (4,) or 1 in {pred.dim(), target.dim()}:
        expected = "both must be (..., n, 4) boxes x1 y1 x2 y2"
    elif aligned and pred.shape[-2] != target.shape[-2]:
        expected = "aligned boxes must be of equal number; use aligned=False for all pairs"
    else:
        return
    raise ValueError(f"{expected}, got pred {tuple(pred.shape)} and target {tuple(target.shape)}")
