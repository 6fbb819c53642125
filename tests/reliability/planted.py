"""Hooks that do harm at a chosen step; a config has them by ``custom_imports``."""

import os
import signal
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class PlantedSignal(Hook):
    """Sends a signal before a step.

    Args:
        step: From 0.
        name: Of the signal.
        receiver: ``training`` is this process, ``mim`` the one that started it, ``both`` are the
            group of both, as a terminal sends Ctrl-C.
    """

    def __init__(self, step: int, name: str, receiver: str) -> None:
        self.step, self.number, self.receiver = step, getattr(signal, name), receiver

    def before_train_iter(self, runner: Runner, *_args: Any, **_options: Any) -> None:
        if runner.iter != self.step:
            return
        if self.receiver == "both":
            os.killpg(0, self.number)
        else:
            os.kill(os.getpid() if self.receiver == "training" else os.getppid(), self.number)


@HOOKS.register_module()
class PlantedNaN(Hook):
    """Makes the first loss of chosen steps NaN.

    Args:
        steps: From 0.
    """

    def __init__(self, steps: Sequence[int]) -> None:
        self.steps = set(steps)

    def before_train(self, runner: Runner) -> None:
        parse = runner.model.parse_losses

        def parse_spoilt(losses: dict[str, Any]) -> Any:
            if runner.iter in self.steps:
                name = next(iter(losses))
                losses = {**losses, name: losses[name] * torch.nan}
            return parse(losses)

        runner.model.parse_losses = parse_spoilt
