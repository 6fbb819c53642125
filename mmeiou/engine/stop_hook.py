"""A training that is told to stop saves where it is."""

import os
import signal
import threading
from types import CodeType, FrameType
from typing import Any, NoReturn

import torch
import torch.distributed
from mmengine.dist import get_comm_device, get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmeiou.engine.checkpoint_hook import CheckpointHook
from mmeiou.engine.fold_batch_norm_hook import FoldBatchNormHook
from mmeiou.registry import HOOKS

EXIT_CODE = 75  # of sysexits.h: a failure that passes, try again

_SIGNALS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name)
]


@HOOKS.register_module()
class StopHook(Hook):
    """On SIGTERM, SIGINT or SIGUSR1: finish the step, save ``interrupted.pth``, exit with 75.

    ``meta`` of that checkpoint has ``epoch``, the whole epochs trained, and ``iter``, the steps
    trained, which may lie inside an epoch. The next regular checkpoint replaces it. A second signal
    ends the process at once, and so does one before the first step.

    All processes of a training stop behind the same step, whichever of them got the signal. Where
    gradients are accumulated, that is a step of the optimizer. A validation of one process is
    broken off; several finish it first.

    Saves by :class:`mmeiou.engine.CheckpointHook`; a run without that one is not listened for, and
    neither is one outside the main thread, which alone gets signals.
    """

    priority = "LOWEST"  # behind everything that changes the state

    def __init__(self) -> None:
        self.signal = 0
        self.inside_step = False
        self.validating = False
        self.before: dict[int, Any] = {}
        self.trains: CodeType | None = None
        self.agreement: tuple[Any, torch.Tensor] | None = None

    def before_train(self, runner: Runner) -> None:
        """Listen."""
        self.after_train(runner)  # of one that failed
        if _saving(runner) is None:
            runner.logger.warning("no mmeiou.CheckpointHook: a signal ends this run without saving")
            return
        if threading.current_thread() is not threading.main_thread():
            runner.logger.warning("not in the main thread: a signal ends this run without saving")
            return
        self.trains = type(runner).train.__code__
        self.before = {number: signal.signal(number, self._note) for number in _SIGNALS}

    def after_train(self, runner: Runner | None) -> None:  # noqa: ARG002
        """Listen no more."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        while frame and frame.f_code is not self.trains:
            frame = frame.f_back
        if frame is None:  # MMEngine tells no hook of a training that ended by an error
            self.after_train(None)
            signal.raise_signal(number)
            return
        self.signal = number
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        # A signal to all processes ends the data loader's workers; that is no error now.
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        name = signal.Signals(number).name
        os.write(2, f"{name}: saving behind this step; a second signal ends at once\n".encode())

    def before_train_epoch(self, runner: Runner) -> None:
        """Stop between two epochs."""
        self._ask()
        if self._agreed() and _updated(runner, runner.iter):
            self.stop(runner, runner.epoch, runner.iter)

    def before_train_iter(self, runner: Runner, *_args: object, **_options: object) -> None:  # noqa: ARG002
        """Ask all processes, which answer while they compute."""
        self.inside_step = True
        self._ask()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, *_args: object, **_options: object
    ) -> None:
        """Stop inside an epoch; what belongs to its end comes first, where it is there."""
        self.inside_step = False
        steps = runner.iter + 1
        length = len(runner.train_dataloader)
        ends = runner.train_loop.max_iters == steps or (
            isinstance(runner.train_loop, EpochBasedTrainLoop)
            and (steps % length == 0 or batch_idx + 1 == length)
        )
        if self._agreed() and not ends and _updated(runner, steps):
            self.stop(runner, runner.epoch, steps)

    def before_val_epoch(self, runner: Runner) -> None:  # noqa: ARG002
        """Weights have been exchanged for others."""
        self.validating = True

    def after_val_iter(self, runner: Runner, *_args: object, **_options: object) -> None:
        """Break a validation off."""
        if self.signal and get_world_size() == 1 and _updated(runner, runner.iter):
            self.stop(runner, runner.epoch, runner.iter)

    def after_val_epoch(self, runner: Runner, metrics: object = None) -> None:  # noqa: ARG002
        """Stop behind a validation."""
        self.validating = False
        self._ask()
        told = self._agreed() and runner.iter < runner.train_loop.max_iters
        if told and _updated(runner, runner.iter):
            self.stop(runner, runner.epoch, runner.iter)

    def stop(self, runner: Runner, epoch: int, iteration: int) -> NoReturn:
        """Save, say so, and exit; on all processes.

        Inside a validation the weights that were exchanged for it come back first.
        """
        for hook in reversed(runner.hooks) if self.validating else ():
            if isinstance(hook, (EMAHook, FoldBatchNormHook)):
                hook.after_val_epoch(runner)
        saving = _saving(runner)
        assert saving is not None
        path = saving.save_interrupted(runner, epoch, iteration)
        runner.logger.warning(
            "%s: stopped after %d steps and saved %s. To go on, run the same command with --resume",
            signal.Signals(self.signal).name,
            iteration,
            path,
        )
        # A launcher that sees one process end stops the others: not before all is saved.
        if get_world_size() > 1:
            torch.distributed.barrier()
        raise SystemExit(EXIT_CODE)

    def _ask(self) -> None:
        if get_world_size() > 1:
            value = torch.tensor([int(self.signal)], device=get_comm_device())
            operation = torch.distributed.ReduceOp.MAX
            self.agreement = torch.distributed.all_reduce(value, operation, async_op=True), value

    def _agreed(self) -> bool:
        if self.agreement:
            work, value = self.agreement
            work.wait()
            self.agreement, agreed = None, int(value)
            if agreed:  # else a signal that came since the question waits for the next one
                self.signal = agreed
            return bool(agreed)
        return bool(self.signal) and get_world_size() == 1


def train(runner: Runner) -> None:
    """Train, and stop well where a signal ended the data loader's workers between two steps.

    Raises:
        SystemExit: With 75, if the run was told to stop.
    """
    try:
        runner.train()
    except RuntimeError:
        for hook in runner.hooks:
            stopped = isinstance(hook, StopHook) and hook.signal and not hook.inside_step
            if stopped and _updated(runner, runner.iter):
                hook.stop(runner, runner.epoch, runner.iter)
        raise


def _saving(runner: Runner) -> CheckpointHook | None:
    return next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)


def _updated(runner: Runner, steps: int) -> bool:
    """Whether no gradients are left over: they are in no checkpoint."""
    return steps % getattr(runner.optim_wrapper, "_accumulative_counts", 1) == 0
