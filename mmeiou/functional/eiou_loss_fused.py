"""The loss of :mod:`mmeiou.functional.eiou_loss` with its gradient by hand, in fewer passes."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmeiou.functional.extended_iou import at_least_float32
from mmeiou.functional.half_precision import saturated


def fused_eiou_loss(
    pred: Tensor,
    target: Tensor,
    smooth_point: float,
    sot: str | None,
    prior_area: Tensor | None,
    mirror_symmetric: bool,
    eps: float,
) -> Tensor:
    """Values and gradients of :func:`mmeiou.functional.eiou_loss.eiou_loss_definition`.

    Takes its arguments, ``prior_area`` only with ``sot='prior'``. Autograd keeps a tensor for each
    operation and visits all of them twice; here the forward pass computes the gradient as well, and
    keeps nothing else. Half precision is computed in float32, and its gradient saturates.
    """
    fused: Any = _EIoULoss.apply  # untyped in torch
    return fused(pred, target, smooth_point, sot, prior_area, mirror_symmetric, eps)


class _Extent(NamedTuple):
    """What the extended IoU and its gradient are made of.

    Attributes:
        overlap: ``(2, ...)`` signed overlap ``w`` per axis: negative where there is a gap.
        gap: ``(2, ...)`` its negative part ``g``.
        offset: ``(2, ...)`` distance ``d`` of the corners per axis.
        size_a: ``(2, ...)`` width and height of ``a``, 0 where it is inverted.
        size_b: ``(2, ...)`` the same of ``b``.
        inter: ``(...)`` signed intersection ``I``.
        union: ``(...)`` union ``U >= 0``.
    """

    overlap: Tensor
    gap: Tensor
    offset: Tensor
    size_a: Tensor
    size_b: Tensor
    inter: Tensor
    union: Tensor


def _extent(a: Tensor, b: Tensor, mirror_symmetric: bool) -> _Extent:
    """:func:`mmeiou.functional.extended_iou.intersection_and_union` and what it is made of.

    The boxes are ``(4, ...)``, coordinates first.
    """
    a1, a2, b1, b2 = a[:2], a[2:], b[:2], b[2:]
    offset = (a1 - b1).abs()
    if mirror_symmetric:
        offset = (offset + (a2 - b2).abs()) / 2
    overlap = torch.minimum(a2, b2) - torch.maximum(a1, b1)
    gap = overlap.clamp(max=0)
    offset = torch.maximum(offset, -gap)  # changes nothing but for inverted boxes
    (wx, wy), (gx, gy), (dx, dy) = overlap.unbind(), gap.unbind(), offset.unbind()
    inter = torch.addcmul(wx * wy, gx, gy)
    inter = torch.addcmul(inter, gx, dy, value=2)
    inter = torch.addcmul(inter, gy, dx, value=2)
    size_a, size_b = (a2 - a1).clamp(min=0), (b2 - b1).clamp(min=0)
    (width_a, height_a), (width_b, height_b) = size_a.unbind(), size_b.unbind()
    union = torch.addcmul(width_a * height_a, width_b, height_b) - inter
    return _Extent(overlap, gap, offset, size_a, size_b, inter, union)


class _EIoULoss(torch.autograd.Function):
    """Loss and gradient in one pass; coordinates are moved to the front, where rows are dense."""

    @staticmethod
    def forward(
        ctx: Any,
        pred: Tensor,
        target: Tensor,
        smooth_point: float,
        sot: str | None,
        prior_area: Tensor | None,
        mirror_symmetric: bool,
        eps: float,
    ) -> Tensor:
        a, b = (box.movedim(-1, 0).contiguous() for box in at_least_float32(pred, target))
        ctx.dtypes = pred.dtype, target.dtype
        terms = _extent(a, b, mirror_symmetric)
        union = terms.union + eps
        eiou = terms.inter / union
        distance = 1 - eiou
        slope = (distance / smooth_point).clamp_(max=1)
        loss = slope * torch.add(distance, slope, alpha=-smooth_point / 2)
        if sot is not None:
            area = (
                terms.size_b[0] * terms.size_b[1] if prior_area is None else prior_area.to(a.dtype)
            )
            factor = torch.where(area > eps, union / area, 1)
            loss = loss * factor
            slope = slope * factor
        if ctx.needs_input_grad[0] or ctx.needs_input_grad[1]:
            scale = slope / union
            by_area = scale * eiou
            pull = (scale + by_area).div_(2)
            ctx.save_for_backward(
                *_gradients(a, b, terms, pull, by_area, mirror_symmetric, ctx.needs_input_grad)
            )
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        of_pred, of_target = (
            None if saved is None else saturated(saved * grad, dtype).movedim(0, -1)
            for saved, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        )
        return of_pred, of_target, None, None, None, None, None


def _gradients(
    a: Tensor,
    b: Tensor,
    terms: _Extent,
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
