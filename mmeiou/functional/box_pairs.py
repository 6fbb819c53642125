"""What box losses have in common: pairs of boxes, their IoU, and the penalties added to it."""

from math import pi
from typing import Literal, get_args

import torch
from torch import Tensor

from mmeiou.functional.boxes import (
    box_area,
    box_centre,
    box_iou,
    box_size,
    enclosing_size,
    intersection,
)
from mmeiou.functional.extended_iou import check_boxes
from mmeiou.functional.half_precision import widen

Base = Literal["iou", "giou", "diou", "ciou"]

EPS = 1e-12  # least area, size and squared length to divide by: below any box of a detector


def check_pairs(pred: Tensor, target: Tensor) -> None:
    """Refuse what are not pairs of boxes x1 y1 x2 y2, ``(..., n, 4)`` each.

    Raises:
        ValueError: With both shapes.
    """
    check_boxes(pred, target)
    if pred.shape != target.shape:
        raise ValueError(
            "pred and target must have the same shape, got "
            f"{tuple(pred.shape)} and {tuple(target.shape)}"
        )


def box_pairs(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Checked pairs, in float32 where they have half precision.

    Raises:
        ValueError: If the shapes do not fit.
    """
    check_pairs(pred, target)
    pred, target = widen(pred, target)
    return pred, target


def pair_iou(pred: Tensor, target: Tensor) -> Tensor:
    """IoU of pairs ``(..., 4)``, in [0, 1]; 0 where none of the two has an area."""
    return box_iou(pred, target, eps=EPS)


def check_base(base: str) -> None:
    """Refuse a base that :func:`penalties` does not know.

    Raises:
        ValueError: If ``base`` is unknown.
    """
    if base not in get_args(Base):
        raise ValueError(f"base must be one of {get_args(Base)}, got {base!r}")


def penalties(
    pred: Tensor, target: Tensor, base: Base, iou: Tensor | None = None
) -> tuple[Tensor, ...]:
    """What the losses IoU, GIoU, DIoU, CIoU add to ``1 - IoU``, term by term, each 0 or above.

    ::

        giou: (C - U) / C          C, U: areas of the enclosing box and of the union
        diou: rho^2 / c^2          distance of the centres, diagonal of the enclosing box
        ciou: rho^2 / c^2, b v     v = (2 / pi * (atan(wt / ht) - atan(w / h)))^2,
                                   b = v / (1 - IoU + v), detached, and 0 for an IoU up to 0.5

    Sources: Rezatofighi et al., arXiv 1902.09630; Zheng et al., arXiv 1911.08287, and 2005.03572
    for the 0 in ``b``. MMDetection's losses are the same.

    Args:
        pred: ``(..., 4)`` boxes, float32 or float64.
        target: The same.
        base: Which of the four.
        iou: ``(...)`` by :func:`pair_iou`, where it is at hand.
    """
    if base == "iou":
        return ()
    size = enclosing_size(pred, target)
    if base == "giou":
        union = box_area(pred) + box_area(target) - intersection(pred, target)
        enclosing = (size[..., 0] * size[..., 1]).clamp(min=EPS)
        return (((enclosing - union) / enclosing).clamp(min=0),)
    distance = (box_centre(pred) - box_centre(target)).square().sum(-1)
    by_distance = distance / size.square().sum(-1).clamp(min=EPS)
    if base == "diou":
        return (by_distance,)
    (width, height), (width_t, height_t) = (
        box_size(box).clamp(min=EPS).unbind(-1) for box in (pred, target)
    )
    angle = torch.atan2(width_t, height_t) - torch.atan2(width, height)
    v = (2 / pi * angle).square()
    iou = pair_iou(pred, target) if iou is None else iou
    b = torch.where(iou > 0.5, v / (1 - iou + v).clamp(min=EPS), 0).detach()  # noqa: PLR2004
    return by_distance, b * v
