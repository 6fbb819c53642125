"""What trainings by MMEngine's runner need that follow each other in one process."""

import multiprocessing
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmeiou.registry import HOOKS


def make_endless(cfg: Any) -> None:
    """A small set again and again, without a new beginning of the loader, and an end at once."""
    cfg.train_dataloader.sampler = {"type": "InfiniteSampler", "shuffle": True}
    cfg.custom_hooks = [*cfg.get("custom_hooks", []), {"type": "mmeiou.EndWorkers"}]
    # MMEngine would take up the one of the training before, whose folder is gone.
    cfg.visualizer.name = f"visualizer of {id(cfg)}"


@HOOKS.register_module()
class EndWorkers(Hook):
    """The loader, when it goes, may wait five seconds for each of its workers."""

    def after_train(self, runner: Runner) -> None:  # noqa: ARG002
        """End them."""
        end_workers()


def end_workers() -> None:
    """End the processes that this one started; a worker of a loader exits without an error."""
    for process in multiprocessing.active_children():
        process.terminate()
        process.join()
