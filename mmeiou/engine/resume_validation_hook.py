"""A validation that was cut short is done after all."""

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmeiou.engine.exact_resume_hook import VALIDATED, batches_past
from mmeiou.registry import HOOKS


@HOOKS.register_module()
class ResumeValidationHook(Hook):
    """Validates a resumed run first, where its checkpoint was due to be validated and is not.

    MMEngine writes a checkpoint before the validation and goes on with the next epoch: a run that
    was killed in between lacks those metrics and, perhaps, its best checkpoint; after the last
    epoch it would just end. Where it cannot be known, it is validated twice, with the same result.

    Args:
        enable: False leaves MMEngine's behaviour: a config cannot take a hook of its base away.
    """

    priority = "LOWEST"  # CheckpointHook, which keeps the best, is ready

    def __init__(self, *, enable: bool = True) -> None:
        self.enable = enable

    def before_train(self, runner: Runner) -> None:
        """Validate if it is due."""
        done = runner.message_hub.get_info(VALIDATED)
        if self.enable and runner.iter and done != runner.iter and self._due(runner):
            runner.logger.info("validating the resumed weights first: their run did not get to it")
            runner.val_loop.run()

    def _due(self, runner: Runner) -> bool:
        """What MMEngine's loops ask after an epoch, or an iteration."""
        loop = runner.train_loop
        if runner.val_loop is None:
            return False
        loop._decide_current_val_interval()  # noqa: SLF001 - as the loops do, which is not public
        if hasattr(loop, "dataloader_iterator"):
            now, last = loop.iter, loop.max_iters
        else:
            now, last = loop.epoch, loop.max_epochs
            if batches_past(runner):
                return False
        return now >= loop.val_begin and (now % loop.val_interval == 0 or now == last)
