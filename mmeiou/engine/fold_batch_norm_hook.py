"""Evaluates without batch norms, and on a CPU by ONNX Runtime."""

from copy import deepcopy
from typing import Any

from mmcv.cnn import fuse_conv_bn
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmeiou.engine.bare_model import bare_model
from mmeiou.models import YuNet, onnx_network
from mmeiou.registry import HOOKS

WORTH = 32  # images


@HOOKS.register_module()
class FoldBatchNormHook(Hook):
    """Validates and tests a copy of the model, whose batch norms are folded into convolutions.

    On a CPU the network of a ``mmeiou.YuNet`` runs in ONNX Runtime, where that is installed
    (``mmeiou[deploy]``): faster, detections equal to rounding. To be worth what
    this takes to prepare, there must be :data:`WORTH` images or more.

    The copy takes the place of the runner's model for the time of the loop: training goes on with,
    and checkpoints are made of, the model as it is. Weights that another hook exchanges for the
    evaluation, as a moving average's, are those that are copied.

    Args:
        onnx_runtime: Whether it may be taken.
    """

    # Behind hooks that exchange the weights, before the one that saves the best of them.
    priority = "LOW"

    def __init__(self, onnx_runtime: bool = True) -> None:
        self.onnx_runtime = onnx_runtime
        self.original: Any = None

    def before_val_epoch(self, runner: Runner) -> None:
        """Put the copy in place."""
        self._exchange(runner, runner.val_dataloader)

    def before_test_epoch(self, runner: Runner) -> None:
        """Put the copy in place."""
        self._exchange(runner, runner.test_dataloader)

    def _exchange(self, runner: Runner, loader: Any) -> None:
        self._give_back(runner)  # of an evaluation that was broken off
        self.original = runner.model
        # No gradients are averaged here, so the copy needs no wrapper.
        runner.model = fuse_conv_bn(deepcopy(bare_model(runner.model)))
        if self.onnx_runtime and len(loader.dataset) >= WORTH and onnx_network.available():
            detector = getattr(runner.model, "module", runner.model)  # in a TTA model
            if isinstance(detector, YuNet) and next(detector.parameters()).device.type == "cpu":
                onnx_network.run_by_onnx_runtime(detector.eval())

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Give the model back."""
        self._give_back(runner)

    def _give_back(self, runner: Runner) -> None:
        if self.original is not None:
            runner.model, self.original = self.original, None

    after_test_epoch = after_val_epoch
