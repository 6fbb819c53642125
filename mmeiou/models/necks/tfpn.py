"""Tiny feature pyramid network."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mmeiou.models.layers import DPUnit
from mmeiou.models.layers.init import YUNET_INIT
from mmeiou.registry import MODELS


@MODELS.register_module()
class TFPN(BaseModule):
    """Top-down pyramid with one DP unit per level, applied after the sum.

    From the top: ``out[i] = DP_i(in[i] + upsample(out[i + 1]))`` with nearest x2 upsampling. Wu,
    Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", MIR 2023.

    Args:
        in_channels: Channels of the levels, finest first; equal, because levels are added.
        init_cfg: MMEngine initialisation; the released models' one by default.

    Raises:
        ValueError: If the levels differ in channels.
    """

    def __init__(self, in_channels: Sequence[int], init_cfg: Any = YUNET_INIT) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(set(in_channels)) != 1:
            raise ValueError(f"levels are added, so in_channels must be equal, got {in_channels}")
        self.lateral_convs = nn.ModuleList(DPUnit(channels, channels) for channels in in_channels)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Maps of the levels, finest first, each half the size of the one before.

        Raises:
            ValueError: If a level is not half the size of the one before it.
        """
        outs = list(inputs)
        for level in range(len(outs) - 1, -1, -1):
            if level + 1 < len(outs):
                above = F.interpolate(outs[level + 1], scale_factor=2, mode="nearest")
                if above.shape[-2:] != outs[level].shape[-2:]:
                    raise ValueError(
                        f"level {level} is {tuple(outs[level].shape[-2:])}, twice level {level + 1}"
                        f" is {tuple(above.shape[-2:])}: pad the input to a multiple of the "
                        "largest stride (pad_size_divisor of the data preprocessor)"
                    )
                outs[level] = outs[level] + above
            outs[level] = self.lateral_convs[level](outs[level])
        return tuple(outs)
