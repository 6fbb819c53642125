"""Images stay bytes until they are on the device."""

import math
from typing import Any

import numpy as np
import torch
from mmdet.models import DetDataPreprocessor as MMDetDataPreprocessor
from mmengine.model import ImgDataPreprocessor
from mmengine.utils import is_seq_of
from torch import Tensor

from mmeiou.functional.image_blocks import block_of
from mmeiou.registry import MODELS

LARGEST_BYTE = 255
CHW = 3  # axes of an image


class _ByteBatches(ImgDataPreprocessor):
    """The part of MMEngine's preprocessor that makes a batch of images, for bytes as they are.

    A second base after MMDetection's class: its ``super().forward()`` ends up here.
    """

    def forward(self, data: Any, training: bool = False) -> Any:
        inputs = data["inputs"] if isinstance(data, dict) else None
        if inputs is None or not self._takes(inputs):
            return super().forward(data, training)
        data = self.cast_data({**data, "inputs": self._stack(inputs)})
        data["inputs"] = _as_floats(data["inputs"]).permute(0, 3, 1, 2)
        data.setdefault("data_samples", None)
        return data

    def _takes(self, inputs: Any) -> bool:
        raw = not (self._channel_conversion or self._enable_normalize)
        padded_by_byte = self.pad_value in range(LARGEST_BYTE + 1)
        return (
            raw
            and padded_by_byte
            and is_seq_of(inputs, Tensor)
            and len(inputs) > 0
            and all(
                image.dtype == torch.uint8 and image.ndim == CHW and len(image) == len(inputs[0])
                for image in inputs
            )
        )

    def _stack(self, images: list[Tensor]) -> Tensor:
        """``(n, height, width, channels)`` bytes, padded right and bottom."""
        divisor = self.pad_size_divisor
        height, width = (
            math.ceil(max(image.shape[axis] for image in images) / divisor) * divisor
            for axis in (1, 2)
        )
        on_gpu = self.device.type == "cuda" and not images[0].is_cuda
        block = block_of(images)
        if block is not None and block.shape[1:3] == (height, width) and not self._non_blocking:
            return block  # as mmeiou.compact_collate's batches arrive
        batch = torch.empty(
            (len(images), height, width, len(images[0])),
            dtype=torch.uint8,
            device=images[0].device,
            pin_memory=on_gpu and self._non_blocking,
        )
        for place, image in zip(batch, images, strict=True):
            _, rows, columns = image.shape
            place[rows:] = self.pad_value
            place[:rows, columns:] = self.pad_value
            place[:rows, :columns] = image.permute(1, 2, 0)
        return batch


def _as_floats(batch: Tensor) -> Tensor:
    """The batch in float32."""
    if batch.device.type != "cpu":
        return batch.float()
    # numpy asks the system for huge pages: a fresh batch is filled three times as fast.
    return torch.from_numpy(np.empty(batch.shape, dtype=np.float32)).copy_(batch)


@MODELS.register_module()
class DetDataPreprocessor(MMDetDataPreprocessor, _ByteBatches):
    """MMDetection's ``DetDataPreprocessor`` that turns a whole batch into floats at once.

    The images of a batch are stacked and padded as bytes on the host, moved in one piece, and
    converted on the device: the same values as MMDetection's, which converts, moves and pads
    image by image. The memory format is ``channels_last``. Where this cannot be exact (another
    type than uint8, a mean, a standard deviation, a change of channels) MMDetection's way is
    taken.

    Args:
        non_blocking: Stack in pinned memory and do not wait for the transfer to a GPU.
        **kwargs: Those of MMDetection's ``DetDataPreprocessor``.
    """

    def __init__(self, non_blocking: bool = False, **kwargs: Any) -> None:
        super().__init__(non_blocking=non_blocking, **kwargs)
