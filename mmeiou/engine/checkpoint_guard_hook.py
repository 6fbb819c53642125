"""Refuses checkpoints of another architecture before anything is computed with them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from mmeiou.registry import HOOKS

_SHOWN = 3


def _listed(problem: str, keys: Sequence[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return f"{len(keys)} {problem}: {', '.join(keys[:_SHOWN])}{more}"


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Checks that a checkpoint fits the model key by key and shape by shape.

    MMEngine loads what matches and logs the rest, so that weights of YuNet_s in YuNet_n give an
    AP of nearly zero instead of an error.

    Args:
        ignore: Regular expressions of keys that need not fit, e.g. ``['^bbox_head']`` to fine-tune
            with another number of classes or landmarks. Keys of another shape are left out of the
            loading, so that they keep their initial values.
    """

    def __init__(self, ignore: Sequence[str] = ()) -> None:
        self.ignore = [re.compile(pattern) for pattern in ignore]

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the checkpoint with the model.

        Raises:
            ValueError: Naming the first keys that are missing, unexpected or of another shape.
        """
        self.check(
            runner.model.module if is_model_wrapper(runner.model) else runner.model, checkpoint
        )

    def check(self, model: nn.Module, checkpoint: dict[str, Any]) -> None:
        """Compare a checkpoint with a model; ignored keys of another shape leave the checkpoint.

        Raises:
            ValueError: Naming the first keys that are missing, unexpected or of another shape.
        """
        expected = model.state_dict()
        given: dict[str, Any] = checkpoint.get("state_dict", checkpoint)
        # The prefix that DataParallel leaves; MMEngine strips it when it loads.
        names = {key.removeprefix("module."): key for key in given}
        problems = self._problems(expected, {name: given[key] for name, key in names.items()})
        refused = [
            _listed(problem, [key for key in keys if not self._ignored(key)])
            for problem, keys in problems.items()
            if any(not self._ignored(key) for key in keys)
        ]
        if refused:
            raise ValueError(
                f"the checkpoint does not fit {type(model).__name__}: {'; '.join(refused)}. Is it "
                "of another architecture (YuNet_n and YuNet_s differ) or of another number of "
                "classes or landmarks? To fine-tune with those keys at their initial values, list "
                "them in CheckpointGuardHook(ignore=[...])."
            )
        for name in problems["of another shape"]:
            given.pop(names[name])

    def _ignored(self, key: str) -> bool:
        return any(pattern.search(key) for pattern in self.ignore)

    @staticmethod
    def _problems(
        expected: Mapping[str, Tensor], given: Mapping[str, Tensor]
    ) -> dict[str, list[str]]:
        return {
            "missing": [key for key in expected if key not in given],
            "unexpected": [key for key in given if key not in expected],
            "of another shape": [
                key for key in expected if key in given and expected[key].shape != given[key].shape
            ],
        }
