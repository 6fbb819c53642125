"""Keeps the statistics of batch norms as they were loaded."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.modules.batchnorm import _BatchNorm

from mmeiou.registry import HOOKS


@HOOKS.register_module()
class FreezeNormHook(Hook):
    """Trains with the running means and variances of a checkpoint, for a few images of one's own.

    MMDetection's ``norm_eval`` for the whole detector: batch norms normalise by what they have seen
    in their first training and do not count the small batches of the second. Their weights and
    biases train on.
    """

    def before_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Each step, for validation and other hooks may set the mode of the model anew."""
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
