"""Trainings too short for their warm-up say so."""

from mmengine.hooks import Hook
from mmengine.optim.scheduler.param_scheduler import LinearParamScheduler
from mmengine.runner import Runner

from mmeiou.registry import HOOKS


@HOOKS.register_module()
class WarmUpHook(Hook):
    """Warns where the training ends before its learning rate has risen.

    With a handful of pictures an epoch is a few iterations, and a warm-up that counts iterations
    outlasts the training: it runs to its end and has learnt next to nothing.
    """

    def before_train(self, runner: Runner) -> None:
        """Compare the schedules with the length of the training."""
        schedulers = runner.param_schedulers
        if not isinstance(schedulers, list):
            return  # one list for each of several optimizers
        for one in schedulers:
            rises = isinstance(one, LinearParamScheduler) and one.start_factor < one.end_factor
            length, unit = (
                (runner.max_epochs, "epochs") if one.by_epoch else (runner.max_iters, "iterations")
            )
            if rises and one.end >= length:
                runner.logger.warning(
                    "the training has %d %s, and the warm-up takes %d: the weights will hardly "
                    "change; raise train_cfg.max_epochs and the end of the schedule behind the "
                    "warm-up, as docs/finetuning.md shows",
                    length,
                    unit,
                    one.end,
                )
