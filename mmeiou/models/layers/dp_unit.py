"""The convolution that all of YuNet is made of."""

from torch import Tensor, nn


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

    def forward(self, x: Tensor) -> Tensor:
        """``(N, in_channels, H, W)`` to ``(N, out_channels, H, W)``."""
        return self.relu(self.bn(self.conv2(self.conv1(x))))
