"""The face detector."""

import torch
from mmdet.models import SingleStageDetector
from torch import Tensor

from mmeiou.registry import MODELS


@MODELS.register_module()
class YuNet(SingleStageDetector):
    """YuNet: backbone, TFPN and head of DP units.

    Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", MIR 2023. Images are BGR,
    0-255, without mean or standard deviation. Predictions are ``InstanceData`` with ``bboxes``,
    ``scores``, ``labels`` and, if the head has keypoints, ``keypoints``.
    """

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """``(N, 3, H, W)`` images to the maps that the head takes."""
        # The layout holds throughout. On the CPU depthwise convolutions gain most from it.
        if batch_inputs.device.type == "cpu":
            batch_inputs = batch_inputs.contiguous(memory_format=torch.channels_last)
        return super().extract_feat(batch_inputs)
