"""Compiles the parts of a detector whose shapes do not change."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmeiou.engine.bare_model import bare_model
from mmeiou.registry import HOOKS


@HOOKS.register_module()
class CompileHook(Hook):
    """``torch.compile`` for training, of modules rather than of the whole step.

    MMEngine's ``cfg.compile`` takes the step with its losses, which depend on the number of
    objects: they would be compiled anew for nearly every batch. Keys of checkpoints stay as they
    are. Worth it where compiled layers win: try it with a few steps, the first of which are slow.

    Args:
        modules: Attributes of the detector.
        **options: Of ``torch.compile``, as ``mode`` or ``backend``.
    """

    def __init__(self, modules: Sequence[str] = ("backbone", "neck"), **options: Any) -> None:
        self.modules = tuple(modules)
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Mark the modules; they are compiled when they first run.

        Raises:
            AttributeError: If the detector has no module of that name.
        """
        model = bare_model(runner.model)
        children = dict(model.named_children())
        for name in self.modules:
            if name not in children:
                raise AttributeError(
                    f"CompileHook: {type(model).__name__} has no module {name!r}, only "
                    f"{', '.join(children)}"
                )
            children[name].compile(**self.options)
