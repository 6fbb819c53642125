"""The convolution that all of YuNet is made of."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmeiou.functional.depthwise_separable import depthwise_separable


class DPUnit(nn.Module):
    """Depthwise convolution after a pointwise one: 1x1 -> 3x3 depthwise -> BN -> ReLU.

    Nothing stands between the two convolutions, and both have a bias. Attribute names are those of
    the released weights.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        with_norm_act: Whether BN and ReLU follow; the predicting units of the head have neither.
    """

    def __init__(self, in_channels: int, out_channels: int, *, with_norm_act: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=out_channels)
        self.bn = nn.BatchNorm2d(out_channels) if with_norm_act else nn.Identity()
        self.relu = nn.ReLU(inplace=True) if with_norm_act else nn.Identity()

    def forward(self, x: Tensor, max_pool: nn.Module | None = None) -> Tensor:
        """``(N, in_channels, H, W)`` to ``(N, out_channels, H, W)``, or pooled.

        Args:
            x: The input.
            max_pool: A max-pooling of the result. In training ReLU comes after it: the same values
                and gradients, from a smaller map.
        """
        if _called_unseen(self, self.conv1, self.conv2):
            x = depthwise_separable(x, *_weights(self))
        else:
            x = self.conv2(self.conv1(x))
        x = self.bn(x)
        if max_pool is None:
            return self.relu(x)
        if _called_unseen(self, self.relu, max_pool):
            return self.relu(max_pool(x))
        return max_pool(self.relu(x))


def apply_together(units: Sequence[DPUnit], x: Tensor) -> list[Tensor]:
    """What each of the units without BN and ReLU makes of the same ``(N, C, H, W)``.

    In training their channels are those of one unit: ``x`` is read, and its gradient written, once.
    """
    if not all(_called_unseen(unit, unit, unit.conv1, unit.conv2) for unit in units):
        return [unit(x) for unit in units]
    together = [torch.cat(part) for part in zip(*map(_weights, units), strict=True)]
    channels = [unit.conv2.out_channels for unit in units]
    return list(torch.split(depthwise_separable(x, *together), channels, 1))


def _weights(unit: DPUnit) -> tuple[Any, Any, Any, Any]:
    """The arguments of :func:`depthwise_separable` after the input."""
    pointwise, depthwise = unit.conv1, unit.conv2
    return pointwise.weight, pointwise.bias, depthwise.weight, depthwise.bias


def _called_unseen(unit: DPUnit, *modules: nn.Module) -> bool:
    """Whether ``modules`` in training can be replaced by what they compute.

    Not where one has a hook, or another module was put in the place of PyTorch's.
    """
    return (
        unit.training
        and torch.is_grad_enabled()
        and all(type(module) in _KNOWN and not _hooked(module) for module in modules)
    )


_KNOWN = (DPUnit, nn.Conv2d, nn.ReLU, nn.MaxPool2d)


def _hooked(module: Any) -> bool:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, kind) for kind in kinds)  # nothing public tells
