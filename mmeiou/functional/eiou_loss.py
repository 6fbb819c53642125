"""The loss on the extended IoU: convexified (CT) and steadily optimized (SOT)."""

from typing import Literal, get_args

import torch
from torch import Tensor

from mmeiou.functional.box_pairs import check_pairs
from mmeiou.functional.boxes import box_area
from mmeiou.functional.eiou_loss_fused import fused_eiou_loss
from mmeiou.functional.extended_iou import intersection_and_union

Sot = Literal["target", "prior"]


def check_options(smooth_point: float, sot: Sot | None) -> None:
    """Refuse options that :func:`eiou_loss` does not know.

    Raises:
        ValueError: If ``smooth_point`` is outside (0, 1] or ``sot`` unknown.
    """
    if not 0 < smooth_point <= 1:
        raise ValueError(f"smooth_point must be in (0, 1], got {smooth_point}")
    if sot is not None and sot not in get_args(Sot):
        raise ValueError(f"sot must be None or one of {get_args(Sot)}, got {sot!r}")


def eiou_loss_definition(
    pred: Tensor,
    target: Tensor,
    smooth_point: float = 0.1,
    sot: Sot | None = None,
    prior_area: Tensor | None = None,
    mirror_symmetric: bool = False,
    eps: float = 1e-12,
) -> Tensor:
    """What the loss is, to be read; :func:`eiou_loss` runs the same fused, in less time.

    Takes the arguments of :func:`eiou_loss`, in float32 or float64, and checks none.
    """
    inter, union = intersection_and_union(pred, target, mirror_symmetric)
    union = union + eps
    d = 1 - inter / union
    s = smooth_point
    loss = torch.where(d < s, d**2 / (2 * s), d - s / 2)  # CT
    if sot is None:
        return loss
    area = box_area(target) if prior_area is None else prior_area
    return loss * torch.where(area > eps, union / area, 1).detach()  # SOT


def eiou_loss(
    pred: Tensor,
    target: Tensor,
    smooth_point: float = 0.1,
    sot: Sot | None = None,
    prior_area: Tensor | None = None,
    mirror_symmetric: bool = False,
    eps: float = 1e-12,
) -> Tensor:
    """Extended IoU loss per box.

    With ``d = 1 - EIoU``, ``s = smooth_point`` and ``U`` the union, detached in the factor::

        phi = d**2 / (2 * s)  if d < s  else  d - s / 2
        loss = phi                    without sot
        loss = U / A * phi            with sot, A the area of the target or of the prior

    The quadratic part (CT) makes the gradient vanish at the minimum. The factor (SOT) cancels the
    ``1 / U`` of the quotient rule, so that outside the knee the gradient is that of
    ``(EIoU * U - I) / A`` with ``EIoU`` held: one Dinkelbach step on the ratio ``I / U``.

    The authors' code has ``phi`` with s = 0.1 (earlier 0.2), and had, until 2022, the factor with
    priors of unit area. That these are the convexification technique and the steady optimization
    technique of the paper is our reading; so is ``sot='target'``, for losses that see no priors.

    It runs :func:`mmeiou.functional.eiou_loss_fused.fused_eiou_loss`, which gives loss and gradient
    of :func:`eiou_loss_definition` in closed form and in less time; that gradient is differentiable
    no further.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels. Half precision is computed in float32,
            the type of the loss; its gradient saturates instead of overflowing.
        target: Boxes of the same shape.
        smooth_point: Knee ``s`` in (0, 1].
        sot: ``'target'``, ``'prior'`` or None.
        prior_area: ``(..., n)`` areas of the priors in squared pixels, for ``sot='prior'``.
        mirror_symmetric: See :func:`mmeiou.functional.extended_iou.extended_iou`.
        eps: Added to the union.

    Returns:
        ``(..., n)`` losses. Where the reference area ``A`` is 0, SOT leaves the loss as it is.

    Raises:
        ValueError: If an option is out of range, shapes differ, or prior areas are missing.

    Example:
        >>> target = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
        >>> pred = torch.tensor([[1.0, 0.0, 3.0, 2.0]])
        >>> eiou_loss(pred, target)
        tensor([0.4500])
        >>> eiou_loss(pred, target, sot="prior", prior_area=torch.tensor([16.0]))
        tensor([0.2250])
    """
    check_options(smooth_point, sot)
    check_pairs(pred, target)
    if sot != "prior":
        prior_area = None
    elif prior_area is None:
        raise ValueError(
            "sot='prior' needs prior_area, which this head does not pass; write sot='target', "
            "or use a head of mmeiou, which passes the areas of its priors"
        )
    elif prior_area.shape != pred.shape[:-1]:
        raise ValueError(
            f"prior_area must have the shape {tuple(pred.shape[:-1])} of the losses, got "
            f"{tuple(prior_area.shape)}"
        )
    return fused_eiou_loss(pred, target, smooth_point, sot, prior_area, mirror_symmetric, eps)
