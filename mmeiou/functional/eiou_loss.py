"""The loss on the extended IoU: convexified (CT) and steadily optimized (SOT)."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmeiou.functional.extended_iou import Extent, at_least_float32, check_boxes, extent

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

    With ``d = 1 - EIoU``, ``s = smooth_point`` and ``U`` the union of :func:`extent`, detached in
    the factor::

        phi = d**2 / (2 * s)  if d < s  else  d - s / 2
        loss = phi                    without sot
        loss = U / A * phi            with sot, A the area of the target or of the prior

    The quadratic part (CT) makes the gradient vanish at the minimum. The factor (SOT) cancels the
    ``1 / U`` of the quotient rule, so that outside the knee the gradient is that of
    ``(EIoU * U - I) / A`` with ``EIoU`` held: one Dinkelbach step on the ratio ``I / U``.

    The authors' code has ``phi`` with s = 0.1 (earlier 0.2), and had, until 2022, the factor with
    priors of unit area. That these are the convexification technique and the steady optimization
    technique of the paper is our reading; so is ``sot='target'``, for losses that see no priors.

    Forward and backward are closed forms; the gradient is differentiable no further.

    Args:
        pred: ``(..., n, 4)`` boxes x1 y1 x2 y2 in pixels; half precision is computed in float32.
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
    check_boxes(pred, target)
    if pred.shape != target.shape:
        raise ValueError(
            "pred and target must have the same shape, got "
            f"{tuple(pred.shape)} and {tuple(target.shape)}"
        )
    pred, target = at_least_float32(pred, target)
    if sot == "prior":
        if prior_area is None:
            raise ValueError(
                "sot='prior' needs prior_area, which this head does not pass; write sot='target', "
                "or use a head of mmeiou, which passes the areas of its priors"
            )
        if prior_area.shape != pred.shape[:-1]:
            raise ValueError(
                f"prior_area must have the shape {tuple(pred.shape[:-1])} of the losses, got "
                f"{tuple(prior_area.shape)}"
            )
        prior_area = prior_area.to(pred.dtype)
    else:
        prior_area = None
    fused: Any = _EIoULoss.apply  # untyped in torch
    return fused(pred, target, prior_area, smooth_point, sot, mirror_symmetric, eps)


class _EIoULoss(torch.autograd.Function):
    """Loss and gradient in one pass; coordinates are moved to the front, where rows are dense."""

    @staticmethod
    def forward(
        ctx: Any,
        pred: Tensor,
        target: Tensor,
        prior_area: Tensor | None,
        smooth_point: float,
        sot: Sot | None,
        mirror_symmetric: bool,
        eps: float,
    ) -> Tensor:
        a = pred.movedim(-1, 0).contiguous()
        b = target.movedim(-1, 0).contiguous()
        terms = extent(a, b, mirror_symmetric)
        union = terms.union + eps
        distance = 1 - terms.inter / union
        slope = (distance / smooth_point).clamp_(max=1)
        loss = slope * torch.add(distance, slope, alpha=-smooth_point / 2)
        reference = terms.size_b[0] * terms.size_b[1] if sot == "target" else prior_area
        if reference is not None:
            factor = torch.where(reference > eps, union / reference, 1)
            loss = loss * factor
            slope = slope * factor
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            scale = slope / union
            by_area = torch.addcmul(scale, scale, distance, value=-1)  # scale * EIoU
            pull = torch.addcmul(scale, scale, distance, value=-0.5)  # scale * (1 + EIoU) / 2
            ctx.save_for_backward(
                *_gradients(a, b, terms, pull, by_area, mirror_symmetric, ctx.needs_input_grad)
            )
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        of_pred, of_target = (
            None if saved is None else (saved * grad).movedim(0, -1) for saved in ctx.saved_tensors
        )
        return of_pred, of_target, None, None, None, None, None


def _gradients(
    a: Tensor,
    b: Tensor,
    terms: Extent,
    pull: Tensor,
    by_area: Tensor,
    mirror_symmetric: bool,
    needed: tuple[bool, ...],
) -> tuple[Tensor | None, Tensor | None]:
    """Chain rule from ``I`` and the areas to the ``(4, ...)`` coordinates of both boxes.

    ``pull`` is half of the loss's derivative by ``-I``, as a coordinate passes on all, half or
    nothing where ``1 + sign`` is 2, 1 or 0: half if the boxes share it, as in torch's minimum.
    """
    by_offset = terms.gap.flip(0) * pull
    by_gap = torch.addcmul(by_offset, terms.offset.flip(0), pull, value=2)
    held = terms.offset <= -terms.gap  # the gap holds the offset
    by_gap.sub_(by_offset * held, alpha=2)
    by_offset = by_offset.masked_fill_(held, 0)
    by_overlap = torch.addcmul(
        by_gap.masked_fill_(terms.overlap > 0, 0), terms.overlap.flip(0), pull
    )

    def one_box(box: Tensor, size: Tensor, sign: Tensor) -> Tensor:
        by_size = (size.flip(0) * by_area).masked_fill_(box[2:] < box[:2], 0).sub_(by_overlap)
        if mirror_symmetric:
            at_first = at_last = torch.sub(by_overlap, by_offset, alpha=2)
        else:
            at_first, at_last = torch.sub(by_overlap, by_offset, alpha=4), by_overlap
        lower = torch.addcmul(-by_size, at_first, sign[:2])
        upper = torch.addcmul(by_size, at_last, sign[2:])
        return torch.cat([lower, upper])

    sign = (a - b).sign_()
    return (
        one_box(a, terms.size_a, sign) if needed[0] else None,
        one_box(b, terms.size_b, -sign) if needed[1] else None,
    )
