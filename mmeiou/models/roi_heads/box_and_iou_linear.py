"""The last layer of a box head that predicts IoUs beside the boxes."""

import torch
from torch import Tensor, nn


class BoxAndIoULinear(nn.Linear):
    """A linear box predictor whose output ends in columns of another one, for IoUs.

    The parameters of the box predictor keep the names of a plain ``nn.Linear``, so that checkpoints
    of detectors without the IoU branch load.

    Args:
        in_features: Size of a feature.
        out_features: Columns of the box prediction.
        iou_features: Columns of the IoU prediction.
    """

    def __init__(self, in_features: int, out_features: int, iou_features: int) -> None:
        super().__init__(in_features, out_features)
        self.iou = nn.Linear(in_features, iou_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map features ``(n, in)`` to ``(n, out_features + iou_features)``."""
        return torch.cat([super().forward(x), self.iou(x)], dim=1)
