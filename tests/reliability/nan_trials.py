"""Trainings in which a random pass goes wrong in a random way, under random settings."""

import random
from pathlib import Path
from typing import Any

import torch
from helpers.nan_run import KINDS, Watch, faulty_runner
from mmengine.runner import Runner
from reliability.outcome import Outcome

from mmeiou.functional.finite import nonfinite_names

_PASSES = 8


def try_nan(seed: int, folder: Path) -> Outcome:
    """Train through NaN and infinity; it survives if nothing of it is left in what is kept.

    Weights and optimizer move in just those steps that no bad pass belongs to, and these are
    counted.

    Args:
        seed: Chooses pass, fault and settings.
        folder: Of the run; new.
    """
    choose = random.Random(seed)  # noqa: S311
    where = choose.sample(range(_PASSES), choose.choice([1, 1, 2, 3]))
    faults = {index: choose.choice(KINDS) for index in where}
    count = choose.choice([1, 1, 2, 3])
    wrapper = choose.choice(["OptimWrapper", "mmeiou.BFloat16OptimWrapper"])
    average = choose.choice([None, {"type": "EMAHook", "update_buffers": choose.random() < 0.5}])
    optimizer: dict[str, Any] = choose.choice(
        [{"type": "SGD", "lr": 0.01, "momentum": 0.9}, {"type": "AdamW", "lr": 0.01}]
    )
    clip = choose.choice([None, {"max_norm": 1.0}])
    what = f"{sorted(faults.items())}, {wrapper} x {count}, {optimizer['type']}"
    what += ", clipped" if clip else ""
    what += ", averaged" if average else ""
    runner = faulty_runner(
        folder,
        faults,
        epochs=_PASSES // 2,
        custom_hooks=[average] if average else [],
        optim_wrapper={
            "type": wrapper,
            "optimizer": optimizer,
            "accumulative_counts": count,
            "clip_grad": clip,
        },
    )
    runner.train()
    bad = {(index // count) for index in where}
    ends = [*range(count - 1, _PASSES, count)]
    ends += [_PASSES - 1] * (_PASSES % count > 0)
    expected = [end for step, end in enumerate(ends) if step not in bad]
    skipped = runner.message_hub.runtime_info.get("skipped_steps", 0)
    left = _left(runner, folder)
    if left or Watch.moved != expected or skipped != len(bad):
        wrong = f"left in {left}, moved in {Watch.moved}, not {expected}, counted {skipped}"
        return Outcome(survived=False, what=f"{what}: {wrong}")
    return Outcome(survived=True, what=f"{what}: skipped {skipped}")


def _left(runner: Runner, folder: Path) -> list[str]:
    """Where numbers are left that are not finite."""
    state = {"weights": runner.model.state_dict(), "optimizer": runner.optim_wrapper.state_dict()}
    for hook in runner.hooks:
        if hasattr(hook, "ema_model"):
            state["average"] = hook.ema_model.state_dict()
    files = sorted(folder.glob("*.pth"))
    assert files
    for path in files:
        saved = torch.load(path, weights_only=False)
        state[path.name] = {
            key: saved.get(key) for key in ("state_dict", "ema_state_dict", "optimizer")
        }
    return list(nonfinite_names(state))
