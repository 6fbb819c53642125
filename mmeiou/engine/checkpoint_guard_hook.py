"""Refuses checkpoints of another architecture before anything is computed with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmeiou.checkpoint_fit import require_fit, weights_of
from mmeiou.engine.bare_model import bare_model
from mmeiou.engine.resume_fit import require_resumable
from mmeiou.functional.finite import require_finite
from mmeiou.registry import HOOKS


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Checks that a checkpoint fits the model key by key and shape by shape.

    MMEngine loads what matches and logs the rest, so that weights of YuNet_s in YuNet_n give an
    AP of nearly zero instead of an error.

    Args:
        ignore: Regular expressions of keys that need not fit, e.g. ``['^bbox_head']`` to fine-tune
            with another number of classes or landmarks. What does not fit among them is logged by
            MMEngine and keeps its initial values.
        if_missing: What to do where the file of ``load_from`` is not there, for the error. For
            configs that take it from elsewhere, as from the environment.
    """

    def __init__(self, ignore: Sequence[str] = (), if_missing: str = "") -> None:
        self.ignore = tuple(ignore)
        self.if_missing = if_missing

    def before_run(self, runner: Runner) -> None:
        """Look for the file of ``load_from``, which MMEngine reads after this.

        Raises:
            FileNotFoundError: If it is not there and the config knows what to do.
        """
        source = runner.cfg.get("load_from")
        if not self.if_missing or source is None or "://" in source:
            return
        path = Path(source).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f"checkpoint {path} not found ({path.absolute()}). {self.if_missing}"
            )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the checkpoint with the model and, where a run goes on from it, with the run.

        Raises:
            ValueError: Naming the first keys that are missing, unexpected, of another shape or not
                finite, or what of loop, optimizer and schedule differs.
        """
        model = bare_model(runner.model)
        require_fit(model, weights_of(checkpoint), self.ignore)
        if runner._resume:  # noqa: SLF001
            state = {key: checkpoint.get(key) for key in ("ema_state_dict", "optimizer")}
            require_finite(state, meant=_averaged(model))
            for remark in require_resumable(runner, checkpoint):
                runner.logger.warning(remark)


def _averaged(model: nn.Module) -> dict[str, Any]:
    """The names of a model's tensors in a checkpoint's moving average."""
    return {"ema_state_dict": {f"module.{key}": one for key, one in model.state_dict().items()}}
