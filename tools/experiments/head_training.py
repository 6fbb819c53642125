"""Many box heads trained at once on the features of one trunk: the same images, RoIs and features.

The losses of a ladder differ in the box head alone. Given one trained trunk (backbone, neck, RPN),
its features and proposals are computed once; the heads then see the same samples in the same order,
so that a difference between two of them is their loss's.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from batched_two_stage import (
    BatchedTwoStage,
    Objects,
    RoISamples,
    head_detections,
    head_loss,
    loss_of,
)
from resident_data import ResidentData, batch, normalized
from resident_training import Detections, begin_like, joined
from torch import Tensor, nn

from mmeiou.registry import MODELS

COMPUTED = 64  # images of a batch without gradients
WARM_UP = 100  # steps
MEASURED = 8  # batches


@dataclass(frozen=True)
class Kept:
    """What a trunk makes of n images.

    Attributes:
        features: For each level (n, c, h, w) float16.
        boxes: (n, p, 4) proposals in pixels.
        valid: (n, p) whether there is one.
        objects: Of the images.
        shapes: (n, 2) height and width.
    """

    features: list[Tensor]
    boxes: Tensor
    valid: Tensor
    objects: Objects
    shapes: Tensor


@torch.no_grad()
def keep(trunk: BatchedTwoStage, data: ResidentData, *, flip: bool, training: bool) -> Kept:
    """Run the trunk over all images.

    Args:
        trunk: In evaluation mode.
        data: On the trunk's device.
        flip: Mirror every image.
        training: Take the proposals of training, not of testing.
    """
    model, device = trunk.model, data.images.device
    cfg = model.train_cfg["rpn_proposal"] if training else model.test_cfg["rpn"]
    levels = model.roi_head.bbox_roi_extractor.num_inputs
    whole: list[Tensor] = []  # filled in place: gigabytes, which must not be there twice
    for start in range(0, len(data), COMPUTED):
        index = torch.arange(start, min(start + COMPUTED, len(data)), device=device)
        flips = torch.full_like(index, flip, dtype=torch.bool)
        images, shapes, objects = batch(data, index, flips, padded=True)
        features, logits, deltas = trunk.rpn(normalized(images, shapes, model.data_preprocessor))
        boxes, valid = trunk.proposals(logits, deltas, shapes, cfg)
        found = [feature.half() for feature in features[:levels]]
        part = [*found, boxes, valid, objects.bboxes, objects.labels, shapes]
        whole = whole or [column.new_empty(len(data), *column.shape[1:]) for column in part]
        for column, values in zip(whole, part, strict=True):
            column[start : start + len(values)] = values
    boxes, valid, bboxes, labels, shapes = whole[levels:]
    return Kept(whole[:levels], boxes, valid, Objects(bboxes, labels), shapes)


@dataclass(frozen=True)
class Schedule:
    """How heads are trained: AdamW, warm-up, cosine."""

    epochs: int
    batch_size: int = 32
    lr: float = 1e-3
    weight_decay: float = 0.05

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step."""
        warm = min(1.0, (step + 1) / WARM_UP)
        return self.lr * warm * 0.5 * (1 + float(torch.tensor(step / steps * torch.pi).cos()))


def build_heads(configs: Mapping[str, Any], seed: int) -> nn.ModuleDict:
    """The box heads of configs, by names without dots; those of one seed begin alike.

    What a head has in common with the first one, it begins with the same weights of.
    """
    heads = nn.ModuleDict()
    for name, cfg in configs.items():
        torch.manual_seed(seed)
        head = MODELS.build(cfg)
        head.init_weights()
        for first in list(heads.values())[:1]:
            begin_like(head, first)
        heads[name] = head
    return heads


def train_heads(
    heads: nn.ModuleDict,
    trunk: BatchedTwoStage,
    kept: tuple[Kept, Kept],
    schedule: Schedule,
    seed: int,
    shrinking: Mapping[str, tuple[float, float]],
    progress: str = "",
) -> list[dict[str, float]]:
    """Train heads side by side.

    Args:
        heads: By name, on the device.
        trunk: For pooling and sampling.
        kept: Of the images, and of the images mirrored.
        schedule: Of the training.
        seed: Of order, flips and samples.
        shrinking: Heads whose box loss changes its ``smooth_point``, from the first step's to the
            last's, in equal steps; names that are not among the heads say nothing.
        progress: What to call the run where progress is printed.

    Returns:
        Mean loss of the boxes in each epoch, by head.
    """
    device, number = kept[0].boxes.device, len(kept[0].boxes)
    size = min(schedule.batch_size, number)
    length = number // size
    order = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed + 1)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in heads.parameters() if p.dim() > 1]},
        {"params": [p for p in heads.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=schedule.lr, weight_decay=schedule.weight_decay)
    history, step, start = [], 0, time.perf_counter()
    for epoch in range(schedule.epochs):
        index = torch.randperm(number, generator=order)[: length * size]
        flips = torch.rand(length * size, generator=order) < 0.5  # noqa: PLR2004
        sums = torch.zeros(len(heads), device=device)
        for rows, turned in zip(
            index.view(length, -1).to(device), flips.view(length, -1).to(device), strict=True
        ):
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate(step, length * schedule.epochs)
            for name in shrinking.keys() & heads.keys():
                first, last = shrinking[name]
                share = step / (length * schedule.epochs)
                loss: Any = heads[name].get_submodule("loss_bbox")
                loss.smooth_point = first + share * (last - first)
            pooled, samples = _samples(trunk, kept, rows, turned)
            losses = [head_loss(head, pooled, samples) for head in heads.values()]
            terms = [v for loss in losses for k, v in loss.items() if "loss" in k]
            optimizer.zero_grad()
            torch.autograd.backward(torch.stack(terms).sum())
            optimizer.step()
            sums += torch.stack([loss["loss_bbox"].detach() for loss in losses])
            step += 1
        means = (sums / length).tolist()
        history.append(dict(zip(heads, means, strict=True)))
        if progress:
            rate = step * size / (time.perf_counter() - start)
            print(
                f"{progress}: epoch {epoch + 1} of {schedule.epochs}, {rate:.0f} images/s, "
                f"box losses {' '.join(f'{m:.3f}' for m in means)}",
                flush=True,
            )
    return history


def equal_gradient_weights(
    heads: nn.ModuleDict, reference: str, trunk: BatchedTwoStage, kept: tuple[Kept, Kept]
) -> dict[str, float]:
    """Weight at which each head's box loss pulls as hard at the deltas as the reference's does.

    Gradients, summed absolutely over positives and coordinates, are those at the boxes that the
    trained reference head predicts on :data:`MEASURED` batches.
    """
    pulls = dict.fromkeys(heads, 0.0)
    for step in range(MEASURED):
        rows = torch.arange(step * COMPUTED, (step + 1) * COMPUTED, device=kept[0].boxes.device)
        rows = rows % len(kept[0].boxes)
        pooled, samples = _samples(trunk, kept, rows, torch.zeros_like(rows, dtype=torch.bool))
        with torch.no_grad():
            scores, predicted = heads[reference](pooled)
        for name, head in heads.items():
            deltas = predicted.clone().requires_grad_()
            columns = getattr(head, "iou_columns", 0)
            whole = torch.cat([deltas, deltas.new_zeros(len(deltas), columns)], dim=1)
            loss = loss_of(head, scores, whole, samples)["loss_bbox"]
            pulls[name] += float(torch.autograd.grad(loss, deltas)[0].abs().sum())
    weights = {name: head.get_submodule("loss_bbox").loss_weight for name, head in heads.items()}
    return {name: float(weights[name]) * pulls[reference] / pulls[name] for name in weights}  # type: ignore[arg-type]


def _samples(
    trunk: BatchedTwoStage, kept: tuple[Kept, Kept], rows: Tensor, turned: Tensor
) -> tuple[Tensor, RoISamples]:
    plain, mirrored = kept

    def pick(of: Tensor, other: Tensor) -> Tensor:
        shape = (-1, *[1] * (of.dim() - 1))
        return torch.where(turned.view(shape), other[rows], of[rows])

    features = [pick(a, b).float() for a, b in zip(plain.features, mirrored.features, strict=True)]
    objects = Objects(
        pick(plain.objects.bboxes, mirrored.objects.bboxes), plain.objects.labels[rows]
    )
    boxes, valid = pick(plain.boxes, mirrored.boxes), pick(plain.valid, mirrored.valid)
    with torch.no_grad():
        samples = trunk.sample_rois(boxes, valid, objects)
        return trunk.pool(features, samples.rois), samples


@torch.no_grad()
def detect_with(heads: nn.ModuleDict, trunk: BatchedTwoStage, kept: Kept) -> dict[str, Detections]:
    """Detections of each head on all images."""
    found: dict[str, list[Any]] = {name: [] for name in heads}
    cfg = trunk.model.test_cfg["rcnn"]
    for start in range(0, len(kept.boxes), COMPUTED):
        part = slice(start, start + COMPUTED)
        features = [level[part].float() for level in kept.features]
        pooled, rois = trunk.pooled_proposals(features, kept.boxes[part], kept.valid[part])
        for name, head in heads.items():
            found[name] += head_detections(head, pooled, rois, kept.shapes[part], cfg)
    return {name: joined(rows) for name, rows in found.items()}
