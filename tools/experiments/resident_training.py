"""Train a config on data that is in memory, detect, and evaluate: one cell of a table."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from batched_one_stage import BatchedOneStage
from batched_two_stage import BatchedTwoStage
from mmengine.registry import PARAM_SCHEDULERS
from numpy.typing import NDArray
from resident_data import ResidentData, batch, normalized
from torch import Tensor, nn

from mmeiou.registry import METRICS, MODELS

DETECTED = 64  # images of a batch
Detections = dict[str, NDArray[Any]]
Detector = BatchedTwoStage | BatchedOneStage


@dataclass(frozen=True)
class Trained:
    """A detector, and what its training took.

    Attributes:
        detector: In evaluation mode.
        seconds: Of the training alone.
        losses: Means of each epoch, by name.
    """

    detector: Detector
    seconds: float
    losses: list[dict[str, float]]


def build(cfg: Any, canvas: tuple[int, int], seed: int, device: str, like: Any = None) -> Detector:
    """The detector of a config with its first weights, which follow from the seed.

    Its convolutions compute in bfloat16 if the config's optimizer is an ``AmpOptimWrapper``.

    Args:
        cfg: The config.
        canvas: Height and width, pixels.
        seed: Of the weights.
        device: Name of the device.
        like: Config of another detector, whose first weights it takes where it has the same ones: a
            head that draws more leaves others to what is initialised behind it.
    """
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    model.init_weights()
    if like is not None:
        begin_like(model, build(like, canvas, seed, "cpu").model)
    half = cfg.optim_wrapper.type == "AmpOptimWrapper"
    dtype = torch.bfloat16 if half else torch.float32
    kind = BatchedTwoStage if hasattr(model, "rpn_head") else BatchedOneStage
    return kind(model.to(memory_format=torch.channels_last), canvas, dtype).to(device)


def begin_like(module: nn.Module, other: nn.Module) -> None:
    """Copy what the two have in common, by name and shape."""
    own = module.state_dict()
    shared = {key: value for key, value in other.state_dict().items() if key in own}
    own |= {key: value for key, value in shared.items() if value.shape == own[key].shape}
    module.load_state_dict(own)


def train(
    cfg: Any, data: ResidentData, seed: int, device: str, progress: str = "", like: Any = None
) -> Trained:
    """Train as the config's optimizer, schedule, batch size and number of epochs say.

    Order and flips of the images follow from the seed alone, whatever the loss.

    Args:
        cfg: Config of a ``FasterRCNN`` or of a one-stage detector.
        data: On the device.
        seed: Of weights, order, flips and samples.
        device: Name of the device.
        progress: What to call the run where progress is printed; "" for none.
        like: See :func:`build`.
    """
    canvas = tuple(data.images.shape[2:])
    detector = build(cfg, (canvas[0], canvas[1]), seed, device, like)
    size, epochs = min(cfg.train_dataloader.batch_size, len(data)), cfg.train_cfg.max_epochs
    length = len(data) // size
    optimizer = _optimizer(cfg, detector.model)
    schedulers = list(_schedulers(cfg, optimizer.optimizer, length))
    order = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed + 1)  # heads of different size drew differently
    detector.train()
    start, history = time.perf_counter(), []
    for epoch in range(epochs):
        shuffled = torch.randperm(len(data), generator=order)[: length * size].view(length, size)
        flips = torch.rand(length, size, generator=order) < 0.5  # noqa: PLR2004
        sums: dict[str, Tensor] = {}
        for index, flip in zip(shuffled, flips, strict=True):
            images, shapes, objects = batch(data, index.to(device), flip.to(device))
            inputs = normalized(images, shapes, detector.model.data_preprocessor)
            losses = detector.loss(inputs, shapes, objects)
            total, logged = detector.model.parse_losses(losses)
            optimizer.update_params(total)
            for scheduler in schedulers:
                scheduler.step()
            for name, value in logged.items():
                sums[name] = sums.get(name, 0) + value.detach()
        history.append({name: float(value) / length for name, value in sums.items()})
        if not np.isfinite(history[-1]["loss"]):
            raise FloatingPointError(f"{progress}: the loss of epoch {epoch + 1} is not finite")
        if progress:
            seconds = time.perf_counter() - start
            rate = (epoch + 1) * length * size / seconds
            shown = ", ".join(f"{k} {v:.4f}" for k, v in history[-1].items())
            print(
                f"{progress}: epoch {epoch + 1} of {epochs}, {rate:.0f} images/s, {shown}",
                flush=True,
            )
    return Trained(detector.eval(), time.perf_counter() - start, history)


def _optimizer(cfg: Any, model: Any) -> Any:
    from mmengine.optim import build_optim_wrapper  # noqa: PLC0415 - heavy

    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    # MMEngine gives each parameter a group of its own, and each group its launches: on a GPU half
    # of a step. An optimizer of torch updates every parameter by itself, however they are grouped.
    merged: dict[str, dict[str, Any]] = {}
    for group in wrapper.optimizer.param_groups:
        alike = repr({key: value for key, value in group.items() if key != "params"})
        if alike in merged:
            merged[alike]["params"] += group["params"]
        else:
            merged[alike] = group
    wrapper.optimizer.param_groups[:] = merged.values()
    return wrapper


def _schedulers(cfg: Any, optimizer: Any, length: int) -> Iterator[Any]:
    """Schedules by iteration, as MMEngine's runner makes them."""
    for entry in cfg.param_scheduler:
        one = {**entry, "optimizer": optimizer}
        kind = PARAM_SCHEDULERS.get(one["type"])
        if one.pop("convert_to_iter_based", False):
            del one["type"]
            yield kind.build_iter_from_epoch(epoch_length=length, **one)
        elif one.get("by_epoch", True):
            raise ValueError(f"param_scheduler {entry}: write convert_to_iter_based=True")
        else:
            yield PARAM_SCHEDULERS.build(one)


@torch.no_grad()
def detect(detector: Detector, data: ResidentData) -> Detections:
    """Detections of all images.

    Returns:
        ``image`` (k,) number of the image, ``bboxes`` (k, 4) in pixels, ``scores`` (k,), ``labels``
        (k,) and, with an IoU branch, ``iou_scores`` (k,).
    """
    found: list[Any] = []
    for start in range(0, len(data), DETECTED):
        index = torch.arange(start, min(start + DETECTED, len(data)), device=data.images.device)
        images, shapes, _ = batch(data, index)
        inputs = normalized(images, shapes, detector.model.data_preprocessor)
        found += detector.detect(inputs, shapes)
    return joined(found)


def joined(found: list[dict[str, Tensor]]) -> Detections:
    """Detections of images, one after the other, as arrays; see :func:`detect`."""
    counts = [len(instances["scores"]) for instances in found]
    return {"image": np.repeat(np.arange(len(found)), counts)} | {
        key: torch.cat([instances[key] for instances in found]).cpu().numpy() for key in found[0]
    }


def evaluate(
    detections: Detections, data: ResidentData, metric: Any, meta: Any
) -> dict[str, float]:
    """What a metric reports of detections.

    Args:
        detections: Of :func:`detect`.
        data: The images.
        metric: Config of the metric.
        meta: ``dataset_meta``.
    """
    from mmengine.structures import InstanceData  # noqa: PLC0415 - heavy

    judge = METRICS.build(metric)
    judge.dataset_meta = meta
    ends = np.searchsorted(detections["image"], np.arange(len(data) + 1))
    for number, sample in enumerate(data.samples):
        part = slice(ends[number], ends[number + 1])
        fields = {key: torch.as_tensor(v[part]) for key, v in detections.items() if key != "image"}
        sample.pred_instances = InstanceData(**fields)
        judge.process(None, [sample.to_dict()])
    return {key: float(value) for key, value in judge.evaluate(len(data)).items()}
