"""Batches that go from a loader's worker to the training in few pieces.

PyTorch shares each tensor of a batch between the two processes by a file descriptor of its own:
with a box, a label and a landmark tensor for each image, the process that trains is busy with them
for as long as a GPU is with a step of a small network.
"""

import io
import pickle
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmeiou.functional.image_blocks import block_of, images_of
from mmeiou.registry import FUNCTIONS

CHW = 3  # axes of an image


class Images(list[Tensor]):
    """Images of a batch; those that are views of one block are pickled as that."""

    def __reduce__(self) -> Any:
        block = block_of(self)
        return (Images, (list(self),)) if block is None else (_arrived, (block,))


def _arrived(block: Tensor) -> Images:
    return Images(images_of(block))


class Samples(list[Any]):
    """Data samples of a batch, pickled as bytes, with the values of their tensors among them."""

    def __reduce__(self) -> Any:
        stream = io.BytesIO()
        _Inline(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(list(self))
        return _unpickled, (stream.getvalue(),)


def _unpickled(pickled: bytes) -> Samples:
    return Samples(pickle.loads(pickled))  # noqa: S301 - of the worker's own process


class _Inline(pickle.Pickler):
    """Pickles small tensors with their values, instead of sharing their memory."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and obj.device.type == "cpu" and not obj.requires_grad:
            try:
                return torch.from_numpy, (obj.numpy(),)
            except TypeError:  # a type that numpy has not, as bfloat16
                return NotImplemented
        return NotImplemented


@FUNCTIONS.register_module()
def compact_collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """MMEngine's ``pseudo_collate`` of detection samples, whose lists travel in few pieces.

    Args:
        samples: Of a dataset whose pipeline ends with ``PackDetInputs``.

    Returns:
        ``inputs`` and ``data_samples``, lists with the same values; other keys as they are. Equally
        large images are views of one block (:mod:`mmeiou.functional.image_blocks`).
    """
    batch: dict[str, Any] = pseudo_collate(samples)
    if isinstance(images := batch.get("inputs"), list):
        batch["inputs"] = _in_one_block(images)
    if isinstance(batch.get("data_samples"), list):
        batch["data_samples"] = Samples(batch["data_samples"])
    return batch


def _in_one_block(images: list[Tensor]) -> list[Tensor]:
    """Here, where errors reach the training: what a queue cannot pickle, it waits for."""
    alike = {(image.ndim, image.shape, image.dtype) for image in images}
    if len(alike) != 1 or images[0].ndim != CHW:
        return images
    return _arrived(torch.stack([image.permute(1, 2, 0) for image in images]))
