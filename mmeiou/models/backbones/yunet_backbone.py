"""The backbone of YuNet."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmeiou.models.layers import DPUnit
from mmeiou.models.layers.init import YUNET_INIT
from mmeiou.registry import MODELS


class _Stem(nn.Module):
    """3x3 stride-2 convolution, BN, ReLU, then a DP unit."""

    def __init__(self, in_channels: int, mid_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, mid_channels, 3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(mid_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = DPUnit(mid_channels, out_channels)

    def forward(self, x: Tensor, max_pool: nn.Module | None = None) -> Tensor:
        return self.conv2(self.relu1(self.bn1(self.conv1(x))), max_pool)


class _Stage(nn.Module):
    """Two DP units; the second changes the number of channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = DPUnit(in_channels, in_channels)
        self.conv2 = DPUnit(in_channels, out_channels)

    def forward(self, x: Tensor, max_pool: nn.Module | None = None) -> Tensor:
        return self.conv2(self.conv1(x), max_pool)


@MODELS.register_module()
class YuNetBackbone(BaseModule):
    """Stem and stages of DP units with 2x2 max-pooling between them.

    Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", MIR 2023.

    Args:
        stage_channels: ``(in, mid, out)`` channels of the stem, then ``(in, out)`` of each stage.
        downsample_idx: Indices of the stages (0 is the stem) after which the map is halved.
        out_idx: Indices of the stages whose output, before pooling, is returned.
        init_cfg: MMEngine initialisation; the released models' one by default.

    Raises:
        ValueError: If channels do not chain or an index names no stage.
    """

    def __init__(
        self,
        stage_channels: Sequence[Sequence[int]],
        downsample_idx: Sequence[int] = (0, 2, 3, 4),
        out_idx: Sequence[int] = (3, 4, 5),
        init_cfg: Any = YUNET_INIT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        stem, *stages = stage_channels
        if len(stem) != 3 or any(len(stage) != 2 for stage in stages):  # noqa: PLR2004
            raise ValueError(
                "stage_channels must be (in, mid, out) for the stem, then (in, out) for each "
                f"stage, got {stage_channels}"
            )
        for index, (before, after) in enumerate(zip(stage_channels, stages, strict=False), 1):
            if before[-1] != after[0]:
                raise ValueError(
                    f"stage {index} takes {after[0]} channels, but stage {index - 1} "
                    f"gives {before[-1]}"
                )
        if not {*downsample_idx, *out_idx} <= set(range(len(stage_channels))):
            raise ValueError(
                f"downsample_idx {downsample_idx} and out_idx {out_idx} must name stages "
                f"0 to {len(stage_channels) - 1}"
            )
        self.num_stages = len(stage_channels)
        self.downsample_idx = tuple(downsample_idx)
        self.out_idx = tuple(out_idx)
        self.pool = nn.MaxPool2d(2)
        self.model0 = _Stem(*stem)
        for index, channels in enumerate(stages, 1):
            self.add_module(f"model{index}", _Stage(*channels))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """``(N, 3, H, W)`` images to one map for each of ``out_idx``.

        ``H`` and ``W`` must be multiples of the largest stride (32 for the released models), which
        the data preprocessor's ``pad_size_divisor`` takes care of.
        """
        outs = []
        for index in range(self.num_stages):
            stage = getattr(self, f"model{index}")
            if index in self.downsample_idx and index not in self.out_idx:
                x = stage(x, self.pool)
                continue
            x = stage(x)
            if index in self.out_idx:
                outs.append(x)
            if index in self.downsample_idx:
                x = self.pool(x)
        return tuple(outs)
