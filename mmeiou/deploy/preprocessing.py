"""What a detector's ``data_preprocessor`` does to pixels: its part of an exported graph."""

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn


def takes_pixels(preprocessor: BaseDataPreprocessor) -> bool:
    """Whether the network sees BGR of 0 to 255 as it is."""
    return not (_normalises(preprocessor) or _swaps(preprocessor))


class Preprocessing(nn.Module):
    """BGR of 0 to 255 ``(N, 3, H, W)`` to what the network takes: the same without the padding.

    Args:
        preprocessor: A detector's; left as it is.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, preprocessor: BaseDataPreprocessor) -> None:
        super().__init__()
        self.swaps = _swaps(preprocessor)
        self.normalises = _normalises(preprocessor)
        if self.normalises:
            self.register_buffer("mean", preprocessor.mean.detach().cpu().clone())
            self.register_buffer("scale", 1 / preprocessor.std.detach().cpu())

    def forward(self, x: Tensor) -> Tensor:
        """The network's input."""
        if self.swaps:  # slices, which every client has, one of a negative step has not
            x = torch.cat([x[:, 2:], x[:, 1:2], x[:, :1]], dim=1)
        return (x - self.mean) * self.scale if self.normalises else x


def _normalises(preprocessor: BaseDataPreprocessor) -> bool:
    return getattr(preprocessor, "_enable_normalize", False)


def _swaps(preprocessor: BaseDataPreprocessor) -> bool:
    return getattr(preprocessor, "_channel_conversion", False)
