"""A pointwise convolution and the depthwise one after it, with a cheaper gradient."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812


def depthwise_separable_definition(
    x: Tensor, weight_p: Tensor, bias_p: Tensor, weight_d: Tensor, bias_d: Tensor
) -> Tensor:
    """``(B, C, H, W)`` to ``(B, D, H, W)``: 1x1 convolution, then 3x3 of each channel, padded by 1.

    Args:
        x: The input.
        weight_p: ``(D, C, 1, 1)`` of the pointwise convolution.
        bias_p: ``(D,)`` of it.
        weight_d: ``(D, 1, 3, 3)`` of the depthwise one.
        bias_d: ``(D,)`` of it.
    """
    return F.conv2d(F.conv2d(x, weight_p, bias_p), weight_d, bias_d, padding=1, groups=len(bias_d))


def depthwise_separable(
    x: Tensor, weight_p: Tensor, bias_p: Tensor, weight_d: Tensor, bias_d: Tensor
) -> Tensor:
    """Value and gradients of :func:`depthwise_separable_definition`, arguments and shapes as there.

    On a CPU a pass over a large map costs as much as its multiplications, and the gradient of the
    pointwise bias is such a pass: the sum of a gradient over all pixels. Here it is made of what
    the depthwise convolution sums anyway. With ``g`` the gradient of the result and ``S(t)`` its
    sum over the pixels whose neighbour at tap ``t`` lies within the map,

        d bias_p = sum over t of weight_d(t) * S(t),

    and ``S(t)`` is the sum of ``g``, which is the gradient of ``bias_d``, less a row and a column
    of the border. It has no second derivative where it is so (on a CPU, outside of autocast).
    """
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return depthwise_separable_definition(x, weight_p, bias_p, weight_d, bias_d)
    separable: Any = _DepthwiseSeparable.apply  # untyped in torch
    return separable(x, weight_p, bias_p, weight_d, bias_d)


class _DepthwiseSeparable(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight_p: Tensor, bias_p: Tensor, weight_d: Tensor, bias_d: Tensor
    ) -> Tensor:
        between = F.conv2d(x, weight_p, bias_p)
        ctx.save_for_backward(x, between, weight_p, weight_d)
        return F.conv2d(between, weight_d, bias_d, padding=1, groups=len(bias_d))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, between, weight_p, weight_d = ctx.saved_tensors
        need_x, need_weight_p = ctx.needs_input_grad[:2]
        backward, channels = torch.ops.aten.convolution_backward, len(weight_d)
        conv = {"stride": [1, 1], "dilation": [1, 1], "transposed": False, "output_padding": [0, 0]}
        # As a convolution forwards it is faster than backwards.
        grad_between = F.conv2d(grad, weight_d.flip(2, 3), padding=1, groups=channels)
        _, grad_weight_d, grad_bias_d = backward(
            grad,
            between,
            weight_d,
            [channels],
            padding=[1, 1],
            groups=channels,
            output_mask=[False, True, True],
            **conv,
        )
        grad_x, grad_weight_p, _ = backward(
            grad_between,
            x,
            weight_p,
            [channels],
            padding=[0, 0],
            groups=1,
            output_mask=[need_x, need_weight_p, False],
            **conv,
        )
        grad_bias_p = sum_of_gradient(grad, grad_bias_d, weight_d[:, 0])
        return grad_x, grad_weight_p, grad_bias_p, grad_weight_d, grad_bias_d


def sum_of_gradient(grad: Tensor, total: Tensor, weight: Tensor) -> Tensor:
    """``(D,)`` sums over all pixels of the gradient at a depthwise convolution's input.

    Args:
        grad: ``(B, D, H, W)`` gradient of its result.
        total: ``(D,)`` sums of that over all pixels.
        weight: ``(D, 3, 3)`` of the convolution.
    """
    rows = torch.stack([grad[:, :, 0], grad[:, :, -1]], 2).sum(0)  # (D, 2, W)
    columns = torch.stack([grad[..., 0], grad[..., -1]], 2).sum(0)  # (D, 2, H)
    corners = torch.stack([rows[..., 0], rows[..., -1]], 2)  # (D, 2, 2)
    # The taps of the first row have nothing to read at the first row of the map, and so on.
    beyond = weight[:, ::2].sum(2) * rows.sum(2) + weight[..., ::2].sum(1) * columns.sum(2)
    twice = (weight[:, ::2, ::2] * corners).sum((1, 2))
    return weight.sum((1, 2)) * total - beyond.sum(1) + twice
