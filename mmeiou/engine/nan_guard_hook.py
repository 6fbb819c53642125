"""Trainings that meet a NaN go on without it, or end with what it came from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmeiou.engine.bare_model import bare_model
from mmeiou.engine.guarded_steps import GuardedSteps
from mmeiou.functional.finite import listed, nonfinite_names
from mmeiou.registry import HOOKS

_STATE = ("state_dict", "ema_state_dict", "optimizer")
_COUNT = "skipped_steps"


class _Pass(NamedTuple):
    """A forward pass: whether it was finite, its losses that were not, and its images."""

    finite: bool
    losses: list[str]
    images: list[str]


@HOOKS.register_module()
class NaNGuardHook(Hook):
    """Keeps what is not finite, NaN or infinite, out of weights, optimizer and checkpoints.

    - A training step with such a loss or gradient is left out, in all processes alike:
      :class:`mmeiou.engine.guarded_steps.GuardedSteps`, which works inside any ``OptimWrapper``.
      A warning says which loss or gradient, which images, and the learning rate. Their number is
      kept in the message hub as ``skipped_steps``, across resumed runs.
    - ``stop_after`` of them in a row end the training with :class:`FloatingPointError`.
    - Weights, moving averages and optimizer states with such numbers are not saved, and such
      weights are not evaluated: :class:`FloatingPointError` as well.

    Args:
        stop_after: Steps in a row, left out, that end the training; at least 1.

    Raises:
        ValueError: If ``stop_after`` is less than 1.
    """

    priority = "BELOW_NORMAL"  # behind hooks that exchange the weights for an evaluation

    def __init__(self, stop_after: int = 10) -> None:
        if stop_after < 1:
            raise ValueError(f"stop_after must be at least 1, got {stop_after}")
        self.stop_after = stop_after
        self.in_a_row = 0
        self.passes: list[_Pass] = []
        self.steps: GuardedSteps | None = None
        self.meant: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Guard the optimizer wrapper."""
        model = bare_model(runner.model)
        self.meant = set(nonfinite_names(model.state_dict()))
        if isinstance(runner.optim_wrapper, OptimWrapper):
            self.steps = GuardedSteps(runner.optim_wrapper, model)
        else:
            runner.logger.warning("NaNGuardHook guards one optimizer, not several")

    def after_train(self, runner: Runner) -> None:
        """Guard it no more, and say what was left out."""
        if self.steps is not None:
            self.steps.release()
        if count := runner.message_hub.runtime_info.get(_COUNT):
            runner.logger.warning("%d steps of this training were skipped", count)

    def before_train_iter(self, runner: Runner, *_args: object, **_options: object) -> None:  # noqa: ARG002
        """Keep the buffers."""
        if self.steps is not None:
            self.steps.remember()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,  # noqa: ARG002
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Count and report a step that was left out.

        Raises:
            FloatingPointError: If it is one too many.
        """
        if self.steps is None:
            return
        finite = self.steps.last_finite
        losses = [] if finite else list(_nonfinite_losses(outputs))
        self.passes.append(_Pass(finite, losses, list(_images(data_batch))))
        if self.steps.skipped is None:
            return
        passes, self.passes = self.passes, []
        if not self.steps.skipped:
            self.in_a_row = 0
            return
        self.in_a_row += 1
        hub = runner.message_hub
        hub.update_info(_COUNT, hub.runtime_info.get(_COUNT, 0) + 1)
        said = self._diagnosis(runner, passes)
        if self.in_a_row < self.stop_after:
            runner.logger.warning("skipped %s", said)
            return
        raise FloatingPointError(f"{self.in_a_row} steps in a row were skipped, the last {said}")

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:  # noqa: ARG002
        """Refuse to save what is not finite.

        Raises:
            FloatingPointError: Naming it.
        """
        for key in _STATE:
            found = nonfinite_names(checkpoint.get(key))
            if bad := [one for one in found if one.removeprefix("module.") not in self.meant]:
                raise FloatingPointError(
                    f"not saved: {key} has numbers that are not finite, in {listed(bad)}. Go on "
                    "from an earlier checkpoint with a lower learning rate or a longer warm-up"
                )

    def before_val_epoch(self, runner: Runner) -> None:
        """Refuse to evaluate weights that are not finite.

        Raises:
            FloatingPointError: Naming them.
        """
        if bad := self._bad_weights(runner):
            raise FloatingPointError(f"not evaluated: {bad}")

    before_test_epoch = before_val_epoch

    def _bad_weights(self, runner: Runner) -> str:
        found = nonfinite_names(bare_model(runner.model).state_dict())
        bad = [one for one in found if one not in self.meant]
        return f"the weights are not finite, in {listed(bad)}" if bad else ""

    def _diagnosis(self, runner: Runner, passes: Sequence[_Pass]) -> str:
        """What went wrong where; to be called in all processes."""
        assert self.steps is not None
        everywhere = [one for part in all_gather_object(list(passes)) for one in part]
        bad = [one for one in everywhere if not one.finite]
        causes = [loss for one in bad for loss in one.losses]
        if not bad:
            causes = [f"gradient of {listed(self.steps.bad_gradients) or 'squares'}"]
        images = dict.fromkeys(image for one in bad or everywhere for image in one.images)
        rates = {f"{rate:g}" for rates in runner.optim_wrapper.get_lr().values() for rate in rates}
        cause = ", ".join(dict.fromkeys(causes)) or "running statistics"
        parts = [
            f"step {runner.iter + 1} of epoch {runner.epoch + 1}: not finite: {cause}",
            f"learning rate {', '.join(sorted(rates))}",
            f"{runner.message_hub.get_info(_COUNT)} skipped in all, {self.in_a_row} in a row",
            f"images: {', '.join(images) or 'unknown'}",
        ]
        return "; ".join(filter(None, [*parts, self._bad_weights(runner)]))


def _nonfinite_losses(outputs: Any) -> Iterator[str]:
    for name, value in (outputs or {}).items():
        numbers = torch.as_tensor(value)
        if not numbers.isfinite().all():
            yield f"{name}={numbers.flatten()[~numbers.flatten().isfinite()][0].item()}"


def _images(batch: Any) -> Iterator[str]:
    """Paths of the images in a batch, whatever a collate function made of it."""
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, (list, tuple)):
        for part in batch:
            yield from _images(part)
    elif isinstance(path := getattr(batch, "img_path", None), str):
        yield path
