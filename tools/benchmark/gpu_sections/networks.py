"""Whether the network finds the same faces as on the CPU, and learns the same from a batch."""

from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import Tensor

from gpu_sections.models import build, images, limit_candidates, pictures, samples, to_double
from gpu_sections.report import Report, Setting
from gpu_sections.timing import tf32

DTYPES = (torch.float64, torch.float32)
BOUNDS = {torch.float64: 1e-8, torch.float32: 1e-3}
NEAR = 1.0
"""Pixels and score: detections that differ by less are one."""


def short(dtype: torch.dtype) -> str:
    """Without the module."""
    return str(dtype).removeprefix("torch.")


def detect(model: Any, inputs: Tensor) -> tuple[list[Tensor], list[InstanceData]]:
    """Maps of the head, and detections of each image, on the CPU."""
    with torch.no_grad():
        maps = model(inputs, None, mode="tensor")
        batch = samples(len(inputs), inputs.shape[-1], faces=1)
        found = model(inputs, batch, mode="predict")
    flat = [level.cpu() for branch in maps for level in branch]
    return flat, [sample.pred_instances.cpu() for sample in found]


def unlike(one: InstanceData, other: InstanceData) -> tuple[int, float, float]:
    """How many of ``one`` have no like in ``other``; how far boxes and scores of the rest are."""
    if not len(one) or not len(other):
        return len(one) + len(other), 0.0, 0.0
    boxes = (one.bboxes[:, None] - other.bboxes).abs().amax(-1)
    scores = (one.scores[:, None] - other.scores).abs()
    nearest = (boxes + scores).argmin(1)
    rows = torch.arange(len(one))
    boxes, scores = boxes[rows, nearest], scores[rows, nearest]
    like = (boxes < NEAR) & (scores < NEAR)
    apart = int((~like).sum())
    if apart == len(one):
        return apart, 0.0, 0.0
    return apart, float(boxes[like].max()), float(scores[like].max())


def compare_detections(setting: Setting, report: Report) -> None:
    """Maps, boxes and scores of a few images."""
    side = setting.pick(640, 128)
    report.note("trained weights, photographs" if setting.trained else "random weights, noise")
    batch = pictures(setting, setting.pick(4, 2), side).float()
    model = build(setting).eval()
    limit_candidates(setting, model, batch)
    add = report.table(
        "type", "detections", "of other boxes", "boxes, px", "scores", "maps, relative"
    )
    for dtype in DTYPES:
        with report.trying(short(dtype)), tf32(allowed=False):
            model = model.to("cpu", dtype)
            maps, expected = detect(model, batch.to(dtype))
            model = model.to(setting.device)
            there, found = detect(model, batch.to(setting.device, dtype))
            by_map = [
                float((a - b).abs().max() / b.abs().max().clamp(min=1))
                for a, b in zip(there, maps, strict=True)
            ]
            pairs = [unlike(a, b) for a, b in zip(found, expected, strict=True)]
            others, boxes, scores = zip(*pairs, strict=True)
            add(
                short(dtype),
                sum(map(len, expected)),
                sum(others),
                max(boxes),
                max(scores),
                max(by_map),
            )
            report.check(f"{short(dtype)}: maps", max(by_map), BOUNDS[dtype])
            if dtype is torch.float64:
                report.check("float64: detections of other boxes", sum(others), 0)
            else:
                report.check("float32: boxes of the same faces, px", max(boxes), 0.1)


def one_step(model: Any, inputs: Tensor, batch: list[Any]) -> tuple[dict[str, float], Tensor]:
    """Losses of a batch, and the gradient of all weights."""
    model.train()
    model.zero_grad()
    losses = model(inputs, batch, mode="loss")
    sum(losses.values()).backward()
    grads = [weight.grad.flatten().cpu() for weight in model.parameters()]
    return {name: float(value.detach()) for name, value in losses.items()}, torch.cat(grads)


def compare_training_step(setting: Setting, report: Report) -> None:
    """Losses and gradients of one step from random weights."""
    count, side = setting.pick((4, 640), (2, 128))
    pictures, faces = images(count, side).float(), samples(count, side, setting.pick(20, 3))
    add = report.table("type", "loss", "losses, relative", "gradient, relative")
    for dtype in DTYPES:
        with report.trying(short(dtype)), tf32(allowed=False):
            batch = to_double(faces) if dtype is torch.float64 else faces
            results = []
            for device in ("cpu", setting.device):
                model = build(setting, fresh=True).to(device, dtype)
                moved = [sample.to(device) for sample in batch]
                results.append(one_step(model, pictures.to(device, dtype), moved))
            (here, grad), (there, other) = results
            losses = max(abs(there[name] - here[name]) / abs(here[name]) for name in here)
            gradient = float((other - grad).norm() / grad.norm())
            add(short(dtype), sum(here.values()), losses, gradient)
            # In float32, rounding decides between equally cheap priors: of thousands, a few.
            bound = BOUNDS[dtype] * (10 if dtype is torch.float32 else 1)
            report.check(f"{short(dtype)}: losses", losses, bound)
            report.check(f"{short(dtype)}: gradient", gradient, bound)
