"""Whether a training that dies and is resumed ends with the weights of one that does not."""

import argparse
import warnings
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mmeiou.models  # noqa: F401 # isort: skip - before MMDetection
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from training import short_config

from gpu_sections.faces import write_faces
from gpu_sections.report import Report, Setting
from gpu_sections.runs import end_workers, make_endless

ITERS, SAVED, DIES = 8, 4, 6


class Death(Exception):  # noqa: N818 - of the process that it stands for
    """In the middle of a training."""


class Die(Hook):
    """Behind a step whose weights are in no checkpoint."""

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Raise, once."""
        if runner.iter + 1 == DIES:
            raise Death


def make_runner(data: Path, folder: Path, *, warn_only: bool, resume: bool) -> Runner:
    """A few steps of YuNet_n with deterministic algorithms."""
    args = argparse.Namespace(
        data_root=data, size=128, batch_size=4, workers=2, steps=ITERS, child="shipped"
    )
    cfg = short_config(args)
    make_endless(cfg)
    cfg.default_hooks.checkpoint = {
        "type": "mmeiou.CheckpointHook",
        "by_epoch": False,
        "interval": SAVED,
    }
    cfg.randomness = {"seed": 0, "deterministic": True}
    cfg.work_dir = str(folder)
    cfg.resume = resume
    cfg.experiment_name = f"{folder.name}_{resume}_{warn_only}"
    runner = Runner.from_cfg(cfg)
    if warn_only:
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
    return runner


def weights(folder: Path) -> dict[str, Any]:
    """Of the last checkpoint, optimizer's momentum included."""
    state = torch.load(folder / f"iter_{ITERS}.pth", map_location="cpu", weights_only=False)
    momentum = {
        f"{index}.{key}": value
        for index, values in state["optimizer"]["state"].items()
        for key, value in values.items()
    }
    return {**state["state_dict"], **momentum}


def train_twice(data: Path, folder: Path, *, warn_only: bool) -> tuple[int, int, float]:
    """Tensors, how many differ in any bit, and by how much at most."""
    whole, dead = folder / "whole", folder / "dead"
    make_runner(data, whole, warn_only=warn_only, resume=False).train()
    runner = make_runner(data, dead, warn_only=warn_only, resume=False)
    runner.register_hook(Die(), priority="LOWEST")
    try:
        runner.train()
    except Death:
        end_workers()
        assert not (dead / f"iter_{ITERS}.pth").exists()
    make_runner(data, dead, warn_only=warn_only, resume=True).train()
    one, other = weights(whole), weights(dead)
    assert one.keys() == other.keys()
    differing = [
        float((one[name].double() - other[name].double()).abs().max())
        for name in one
        if isinstance(one[name], torch.Tensor) and not torch.equal(one[name], other[name])
    ]
    return len(one), len(differing), max(differing, default=0.0)


def compare(setting: Setting, report: Report) -> None:
    """Bit for bit; if an operator has no deterministic form, once more without insisting."""
    add = report.table("deterministic algorithms", "tensors", "differ", "at most by")
    benchmark = torch.backends.cudnn.benchmark
    with TemporaryDirectory() as scratch:
        data = write_faces(Path(scratch) / "data", 24, 256, 192, 3)
        for form, warn_only in (("insisted on", False), ("where there are", True)):
            before = len(report.found["errors"])
            with report.trying(form), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                results = train_twice(
                    data, Path(scratch) / form.replace(" ", "_"), warn_only=warn_only
                )
                add(form, *results)
                report.check(f"{form}: tensors that differ in any bit", results[1], 0)
            if warn_only:
                said = Counter(str(one.message).split(" does not have")[0] for one in caught)
                for text, times in said.items():
                    if "determinis" in text or "cuda" in text.lower():
                        report.note(f"{times} x: {text[:200]}")
            if len(report.found["errors"]) == before:
                break
    torch.use_deterministic_algorithms(mode=False)
    torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.benchmark = benchmark
    if not setting.cuda:
        report.only_gpu("that its kernels add in one order")
