"""Runs of :mod:`helpers.tiny_run` in which a chosen forward pass goes wrong."""

from typing import Any, ClassVar

import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS, MODELS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import Tensor

from helpers.tiny_run import TinyDataset, TinyModel, make_runner

KINDS = ("nan loss", "inf loss", "nan gradient", "huge gradient", "nan input", "huge input")


@MODELS.register_module()
class FaultyModel(TinyModel):
    """Its pass number ``i``, from 0, goes wrong in the way ``faults[i]``."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__()
        self.faults = {int(key): kind for key, kind in faults.items()}
        self.passes = 0

    def forward(self, x: list[Tensor], data_samples: Any, mode: str) -> Any:  # noqa: ARG002
        if mode != "loss":
            return super().forward(x, mode)
        fault = self.faults.get(self.passes, "")
        self.passes += 1
        if fault == "nan input":
            x = [one * torch.nan for one in x]
        if fault == "huge input":  # its variance is infinite, its loss and its gradients are not
            x = [one * (1e35 if i else -1e35) for i, one in enumerate(x)]
        loss = super().forward(x, mode)["loss"]
        if fault.endswith("loss"):
            loss = loss * float(fault.removesuffix(" loss"))
        if fault.endswith("gradient"):
            factor = torch.nan if fault == "nan gradient" else 1e25
            handle = self.layers[0].weight.register_hook(
                lambda gradient: handle.remove() or torch.full_like(gradient, factor)
            )
        return {"loss": loss * 0.5, "loss_bbox": loss * 0.25, "loss_sound": loss.new_ones(())}


@DATASETS.register_module()
class NamedDataset(TinyDataset):
    def __getitem__(self, index: int) -> Any:
        sample = BaseDataElement(metainfo={"img_path": f"faces/{index}.jpg"})
        return {**super().__getitem__(index), "data_samples": sample}


@HOOKS.register_module()
class Watch(Hook):
    """Notes after which passes the weights, or the optimizer's state, are others than before."""

    priority = "VERY_HIGH"
    moved: ClassVar[list[int]] = []

    def before_train(self, runner: Runner) -> None:  # noqa: ARG002
        self.moved.clear()

    def before_train_iter(self, runner: Runner, *_args: Any, **_options: Any) -> None:
        self.before = _state(runner)

    def after_train_iter(self, runner: Runner, *_args: Any, **_options: Any) -> None:
        after = _state(runner)
        if len(after) != len(self.before) or not all(map(torch.equal, self.before, after)):
            self.moved.append(runner.iter)


def _state(runner: Runner) -> list[Tensor]:
    state = runner.optim_wrapper.optimizer.state_dict()["state"].values()
    kept = [one for part in state for one in part.values() if isinstance(one, Tensor)]
    return [one.detach().clone() for one in [*runner.model.parameters(), *kept]]


def faulty_runner(
    work_dir: Any, faults: dict[int, str], *, epochs: int = 4, guard: Any = None, **options: Any
) -> Runner:
    """A runner of two passes an epoch, watched, with the hook that ``guard`` configures."""
    loader = {
        "batch_size": 4,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {
            "type": "NamedDataset",
            "metainfo": {"classes": ("a",)},
            "serialize_data": False,
        },
    }
    hooks = options.pop("custom_hooks", [])
    return make_runner(
        work_dir,
        epochs,
        **{
            "model": {"type": "FaultyModel", "faults": {str(k): v for k, v in faults.items()}},
            "train_dataloader": loader,
            "val_dataloader": loader,
            "param_scheduler": None,
            "default_hooks": {
                "checkpoint": {"type": "mmeiou.CheckpointHook", "interval": 1},
                "nan_guard": {"type": "mmeiou.NaNGuardHook", **(guard or {})},
            },
            "custom_hooks": [{"type": "Watch"}, *hooks],
            **options,
        },
    )
