"""Tiny runs in which data, model and gradients depend on what is drawn at random."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.registry import DATASETS, METRICS, MODELS
from torch import nn

from helpers.tiny_run import TinyModel, make_runner

HOOKS = {
    "exact_resume": {"type": "mmeiou.ExactResumeHook"},
    "resume_validation": {"type": "mmeiou.ResumeValidationHook"},
}
NUM, BATCH = 20, 4  # five batches an epoch; three of two processes, the last of two images


def draw() -> tuple[float, float, float]:
    """A number of each generator that transforms draw from."""
    return random.random(), float(np.random.rand()), torch.rand(()).item()  # noqa: S311, NPY002


@DATASETS.register_module()
class DrawingDataset(BaseDataset):
    def load_data_list(self) -> list[dict[str, Any]]:
        return [{"index": i} for i in range(NUM)]

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": torch.tensor(draw(), dtype=torch.float32) + index / NUM}


@MODELS.register_module()
class DrawingModel(TinyModel):
    def __init__(self) -> None:
        super().__init__()
        self.layers.append(nn.Dropout(0.2))


@METRICS.register_module()
class DrawingMetric(BaseMetric):
    """A number that every weight has a part in."""

    default_prefix = "tiny"

    def process(self, _data_batch: Any, outputs: list[torch.Tensor]) -> None:
        self.results += outputs[0][:, 0].tolist()

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {"AP": sum(results)}


def drawing_runner(
    work_dir: Path,
    epochs: int = 4,
    *,
    workers: int = 0,
    accumulate: int = 1,
    sampler: str = "DefaultSampler",
    checkpoint: Any = None,
    hooks: Any = None,
    **options: Any,
) -> Any:
    loader = {
        "batch_size": BATCH,
        "num_workers": workers,
        "persistent_workers": workers > 0,
        "sampler": {"type": sampler, "shuffle": True},
        "dataset": {"type": "DrawingDataset", "serialize_data": False},
    }
    saving = {"type": "mmeiou.CheckpointHook", "interval": 6, "by_epoch": False}
    validated = {"type": "TinyDataset", "serialize_data": False}
    made = {
        "model": {"type": "DrawingModel"},
        "train_dataloader": loader,
        "val_dataloader": {
            **loader,
            "num_workers": 0,
            "persistent_workers": False,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": validated,
        },
        "optim_wrapper": {
            "optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9},
            "accumulative_counts": accumulate,
        },
        "custom_hooks": [{"type": "EMAHook"}],
        "default_hooks": {"checkpoint": saving | (checkpoint or {}), **(hooks or HOOKS)},
        **options,
    }
    work_dir.mkdir(exist_ok=True)
    return make_runner(work_dir, epochs, **made)


def train(runner: Any) -> None:
    """Train, and end the workers: those of several runs in one process wait for one another."""
    runner.train()
    loop = runner.train_loop
    for holder in (loop.dataloader, getattr(loop, "dataloader_iterator", None)):
        iterator = getattr(holder, "_iterator", None)
        if hasattr(iterator, "_shutdown_workers"):
            iterator._shutdown_workers()


def state(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of weights, averages and optimizer that a checkpoint has, by its place."""
    saved = torch.load(path, weights_only=False)
    found: dict[str, torch.Tensor] = {}

    def collect(value: Any, where: str) -> None:
        if isinstance(value, torch.Tensor):
            found[where] = value
        elif isinstance(value, dict):
            for key, one in value.items():
                collect(one, f"{where}.{key}")
        elif isinstance(value, list):
            for number, one in enumerate(value):
                collect(one, f"{where}.{number}")

    for part in ("state_dict", "ema_state_dict", "optimizer"):
        collect(saved.get(part, {}), part)
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Places at which the bits of two checkpoints differ."""
    first, second = state(one), state(other)
    return sorted(
        {key for key in first if key in second and not torch.equal(first[key], second[key])}
        | (first.keys() ^ second.keys())
    )
