"""A hook by which a test sees what every process of a run ends with."""

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class SaveEachRank(Hook):
    """Saves the parameters of each process as ``rank_<n>.pth`` in the current folder."""

    def after_train(self, runner: Runner) -> None:
        parameters = dict(runner.model.module.named_parameters())
        torch.save({k: v.detach() for k, v in parameters.items()}, f"rank_{get_rank()}.pth")
