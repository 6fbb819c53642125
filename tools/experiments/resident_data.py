"""A whole detection dataset in a device's memory, as bytes: small images need no loader."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from batched_two_stage import Objects
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmeiou.registry import DATASETS


@dataclass(frozen=True)
class ResidentData:
    """n images of one canvas, each on its upper left, and their objects.

    Attributes:
        images: (n, 3, h, w) uint8, in the channel order of the files (blue first).
        shapes: (n, 2) height and width of each image, int64.
        objects: Padded to the most that an image has; those to be ignored are left out.
        samples: For each image MMDetection's data sample, with the ignored.
    """

    images: Tensor
    shapes: Tensor
    objects: Objects
    samples: list[Any]

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> "ResidentData":
        """The same on another device."""
        objects = Objects(self.objects.bboxes.to(device), self.objects.labels.to(device))
        return ResidentData(self.images.to(device), self.shapes.to(device), objects, self.samples)

    def part(self, start: int, end: int) -> "ResidentData":
        """Images from ``start`` to before ``end``."""
        objects = Objects(self.objects.bboxes[start:end], self.objects.labels[start:end])
        return ResidentData(
            self.images[start:end], self.shapes[start:end], objects, self.samples[start:end]
        )


def load(cfg: Any, canvas: tuple[int, int]) -> ResidentData:
    """Load a dataset of a config through its pipeline, but for random transforms.

    Args:
        cfg: ``dataset`` of a dataloader; its pipeline resizes into the canvas.
        canvas: Height and width, pixels.
    """
    cfg = cfg.copy()
    cfg["pipeline"] = [step for step in cfg["pipeline"] if step["type"] != "RandomFlip"]
    dataset = DATASETS.build(cfg)
    images = torch.zeros(len(dataset), 3, *canvas, dtype=torch.uint8)
    shapes = torch.zeros(len(dataset), 2, dtype=torch.int64)
    boxes, labels, samples = [], [], []
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=None, num_workers=min(8, torch.get_num_threads()), shuffle=False
    )
    for number, item in enumerate(loader):
        image, sample = item["inputs"], item["data_samples"]
        if set(sample.scale_factor) != {1}:
            raise ValueError(
                f"{sample.img_path} is of {sample.ori_shape[:2]} pixels and would be resized: make "
                "the images small before (tools/dataset_converters/shrink_voc.py)"
            )
        height, width = image.shape[1:]
        images[number, :, :height, :width] = image
        shapes[number] = torch.tensor((height, width))
        truth = sample.gt_instances
        boxes.append(torch.as_tensor(np.asarray(getattr(truth.bboxes, "tensor", truth.bboxes))))
        labels.append(torch.as_tensor(truth.labels))
        samples.append(sample)
    return ResidentData(
        images,
        shapes,
        Objects(
            pad_sequence(boxes, batch_first=True),
            pad_sequence(labels, batch_first=True, padding_value=-1),
        ),
        samples,
    )


def batch(
    data: ResidentData, index: Tensor, flip: Tensor | None = None, *, padded: bool = False
) -> tuple[Tensor, Tensor, Objects]:
    """Some images, their shapes and objects.

    Args:
        data: On the device where the batch is wanted.
        index: (b,) images.
        flip: (b,) whether to mirror each image, left to right, within its own width.

        padded: Leave the objects padded as in the whole set.

    Returns:
        (b, 3, h, w) uint8, (b, 2) and objects, else padded to the most that one of them has.
    """
    images, shapes = data.images[index], data.shapes[index]
    bboxes, labels = data.objects.bboxes[index], data.objects.labels[index]
    if not padded:
        most = max(1, int((labels >= 0).sum(dim=1).max()))
        bboxes, labels = bboxes[:, :most], labels[:, :most]
    if flip is None:
        return images, shapes, Objects(bboxes, labels)
    width = shapes[:, 1:]
    column = torch.arange(images.size(3), device=images.device).expand(len(index), -1)
    mirrored = torch.where(flip[:, None] & (column < width), width - 1 - column, column)
    images = images.gather(3, mirrored[:, None, None].expand_as(images))
    turned = bboxes.clone()
    turned[..., 0::2] = width[..., None] - bboxes[..., 0::2].flip(-1)
    there = (labels >= 0)[..., None]
    bboxes = torch.where(flip[:, None, None] & there, turned, bboxes)
    return images, shapes, Objects(bboxes, labels)


def normalized(images: Tensor, shapes: Tensor, preprocessor: Any) -> Tensor:
    """(b, 3, h, w) float32 as MMDetection's data preprocessor makes them: padding is 0.

    Args:
        images: (b, 3, h, w) uint8 of :func:`batch`.
        shapes: (b, 2) height and width.
        preprocessor: A ``DetDataPreprocessor``.
    """
    if preprocessor._channel_conversion:  # noqa: SLF001 - MMEngine keeps it there
        images = images.flip(1)
    values = (images.float() - preprocessor.mean) / preprocessor.std
    rows = torch.arange(images.size(2), device=images.device)[:, None]
    columns = torch.arange(images.size(3), device=images.device)
    inside = (rows < shapes[:, :1, None]) & (columns < shapes[:, 1:, None])
    return values * inside[:, None]
