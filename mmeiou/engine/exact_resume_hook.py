"""A run that is resumed ends with the weights of one that was not interrupted."""

from typing import Any

import torch
from mmengine.dist import broadcast, broadcast_object_list, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from mmeiou.datasets.seeded_batches import EndlessBatches, SeededBatchSampler, seed_batches
from mmeiou.engine.early_stopping import decide_before_saving, stopped
from mmeiou.engine.plain_state import plain_state, restore
from mmeiou.functional.seeds import seed_everything
from mmeiou.registry import HOOKS

# Keeps the randomness of steps apart from that of samples.
_STEP = 1 << 31
# In the message hub, and so in checkpoints: the iteration whose weights are validated; number,
# first iteration and length of the epoch that is trained.
VALIDATED = "validated_iter"
_BEGAN = "epoch_began"
# In a checkpoint.
_PLAIN = "plain_state"


@HOOKS.register_module()
class ExactResumeHook(Hook):
    """Makes data and randomness follow from the seed and the place in the training alone.

    MMEngine keeps the state of weights, optimizer, schedulers, averages and loss scaler. This hook
    adds what it does not:

    - a sample's augmentations follow from (seed, epoch, index), a step's randomness from (seed,
      iteration, process), whatever the workers;
    - a seed that MMEngine drew is the resumed run's, too, in its samplers;
    - a checkpoint from within an epoch goes on with the next batch, without loading those before;
      iteration-based loops do so in any case. Logs then count the rest of that epoch from 1;
    - several processes validate with the batch norms of the first one, whose are saved;
    - gradients that were accumulated, but not yet applied, are computed again;
    - the patience of ``EarlyStoppingHook`` and the size of ``BatchSyncRandomResize`` are kept, and
      a warning names them where the checkpoint has none.

    For any dataset, sampler and batch sampler of MMDetection. Not so where a transform keeps
    earlier samples (``CachedMosaic``, ``CachedMixUp``) or a model earlier losses
    (``DynamicRoIHead``), nor where a GPU adds in an order of its own
    (``randomness=dict(deterministic=True)``). It costs about 15 microseconds a
    sample in the workers, and 0.1 ms a step.

    Args:
        enable: False leaves MMEngine's behaviour: a config cannot take a hook of its base away.
    """

    # Before the hooks that look at the batch, after DistSamplerSeedHook.
    priority = "BELOW_NORMAL"

    def __init__(self, *, enable: bool = True) -> None:
        self.enable = enable
        self.seed = 0
        self.batches: SeededBatchSampler | None = None
        self.past: int | None = None  # batches of this epoch; None where there are no epochs

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep what is in no other part of it."""
        if self.enable:
            checkpoint[_PLAIN] = plain_state(runner)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take it from a checkpoint that is resumed."""
        if not (self.enable and runner._resume):  # noqa: SLF001
            return
        for name in restore(runner, checkpoint.get(_PLAIN)):
            runner.logger.warning(
                "a resumed run will not be exact: %s begins anew, it is not in the checkpoint",
                name,
            )

    def before_train(self, runner: Runner) -> None:
        """Bring loader and gradients to the place in the training that was resumed."""
        if not self.enable:
            return
        decide_before_saving(runner)
        if stopped(runner):
            runner.logger.info("early stopping had ended this training")
            runner.train_loop.stop_training = True
        seeds = [runner.seed]
        broadcast_object_list(seeds)  # diff_rank_seed gives each process its own
        self.seed = seeds[0]
        loop = runner.train_loop
        by_epoch = not hasattr(loop, "dataloader_iterator")
        try:
            self.batches = seed_batches(loop.dataloader, self.seed, by_epoch=by_epoch)
        except TypeError as error:
            runner.logger.warning("a resumed run will not be exact: %s", error)
            return
        if by_epoch:
            self.past = batches_past(runner)
            number = runner.epoch * len(loop.dataloader) + self.past
        else:
            number = runner.iter
        self._accumulate_again(runner, self.batches, number)
        if not by_epoch:
            # MMEngine 0.10.7 draws the batches that are past, one by one.
            unread = 0 if hasattr(loop.dataloader_iterator, "skip_iter") else runner.iter
            loop.dataloader_iterator = EndlessBatches(
                loop.dataloader, self.batches, runner.iter, unread
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Leave out the batches of the epoch that are past."""
        if self.batches is None or self.past is None:
            return
        began = [runner.epoch, runner.iter - self.past, len(runner.train_dataloader)]
        runner.message_hub.update_info(_BEGAN, began)
        self.batches.begin_at(runner.epoch, self.past)
        self.past = 0

    def before_train_iter(
        self,
        runner: Runner,
        batch_idx: int,  # noqa: ARG002 - MMEngine's signature
        data_batch: Any = None,  # noqa: ARG002
    ) -> None:
        """Seed what the model draws in this step."""
        if self.enable:
            seed_everything(self.seed, _STEP + get_rank(), runner.iter)

    def before_val_epoch(self, runner: Runner) -> None:
        """Validate what a checkpoint holds: the first process's statistics of batch norms."""
        if self.enable and get_world_size() > 1:
            for buffer in runner.model.buffers():
                broadcast(buffer)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Note for checkpoints made from now on that these weights are validated."""
        runner.message_hub.update_info(VALIDATED, runner.iter)

    def _accumulate_again(self, runner: Runner, batches: SeededBatchSampler, number: int) -> None:
        """Compute the gradients that were waiting for their step when the run ended.

        Args:
            runner: Resumed.
            batches: Of its loader.
            number: Of the batch that comes next.
        """
        optim, done = runner.optim_wrapper, runner.iter
        if not isinstance(optim, OptimWrapper) or done == runner.max_iters:
            return
        waiting = done % optim._accumulative_counts  # noqa: SLF001 - has no other name
        if not waiting:
            return
        runner.logger.info("the gradients of %d iterations are computed again", waiting)
        loader = runner.train_loop.dataloader
        model = runner.model.train()
        # These batches are in the statistics of the batch norms already.
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        plain = plain_state(runner)
        for back in range(waiting, 0, -1):
            batches.begin_with(number - back)
            samples = loader.dataset.__getitems__(next(iter(batches)))
            seed_everything(self.seed, _STEP + get_rank(), done - back)
            optim._inner_count = done - back  # noqa: SLF001
            model.train_step(loader.collate_fn(samples), optim_wrapper=optim)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        restore(runner, plain)


def batches_past(runner: Runner) -> int:
    """Batches of the current epoch that an epoch-based run has trained before it was resumed."""
    length = len(runner.train_dataloader)
    epoch, first, length_then = runner.message_hub.get_info(
        _BEGAN, [runner.epoch, runner.epoch * length, length]
    )
    past = runner.iter - first
    if epoch != runner.epoch:  # the checkpoint was written at the end of it
        return 0
    if length_then != length or not 0 <= past <= length:
        runner.logger.warning("other batches than before: epoch %d begins anew", epoch + 1)
        return 0
    return past
