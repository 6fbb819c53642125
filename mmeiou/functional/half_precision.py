"""Boxes of half precision are computed in float32, and their gradients saturate."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def saturated(grad: Tensor, dtype: torch.dtype) -> Tensor:
    """Cast without overflow: a box of tiny area would turn a whole batch's gradient infinite."""
    if grad.dtype == dtype:
        return grad
    most = torch.finfo(dtype).max
    return grad.clamp(-most, most).to(dtype)


class _Widen(torch.autograd.Function):
    """Cast up; the gradient is cast down by :func:`saturated`."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.dtype = boxes.dtype
        return boxes.to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return saturated(grad, ctx.dtype), None


def widen(*boxes: Tensor) -> tuple[Tensor, ...]:
    """Boxes in their common type, which is at least float32.

    The area of a 640-pixel box does not fit into float16; nor does the gradient of a box of 1e-4
    pixels, which becomes the largest number of the type instead of infinite.
    """
    dtype = torch.float32
    for box in boxes:
        dtype = torch.promote_types(dtype, box.dtype)
    apply: Any = _Widen.apply  # untyped in torch
    return tuple(box if box.dtype == dtype else apply(box, dtype) for box in boxes)
