"""Evaluates without batch norms."""

from copy import deepcopy

from mmcv.cnn import fuse_conv_bn
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmeiou.registry import HOOKS


@HOOKS.register_module()
class FoldBatchNormHook(Hook):
    """Validates and tests a copy of the model, whose batch norms are folded into convolutions.

    The copy takes the place of the runner's model for the time of the loop: training goes on with,
    and checkpoints are made of, the model as it is. Weights that another hook exchanges for the
    evaluation, as a moving average's, are those that are copied.
    """

    # Behind hooks that exchange the weights, before the one that saves the best of them.
    priority = "LOW"

    def before_val_epoch(self, runner: Runner) -> None:
        """Put the copy in place."""
        self.original = runner.model
        # No gradients are averaged here, so the copy needs no wrapper.
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        runner.model = fuse_conv_bn(deepcopy(model))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Give the model back."""
        runner.model = self.original

    before_test_epoch = before_val_epoch
    after_test_epoch = after_val_epoch
