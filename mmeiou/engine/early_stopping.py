"""MMEngine's early stopping in runs that are resumed."""

from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.runner import Runner


def decide_before_saving(runner: Runner) -> None:
    """Let a checkpoint that is saved in a validation know what early stopping made of it.

    Of itself, ``EarlyStoppingHook`` comes last: behind the hooks that save.
    """
    early = [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
    hooks = [hook for hook in runner.hooks if hook not in early]
    saving = [index for index, hook in enumerate(hooks) if isinstance(hook, CheckpointHook)]
    if early and saving:
        # another list: this may be called by one of those in it
        runner._hooks = [*hooks[: saving[0]], *early, *hooks[saving[0] :]]  # noqa: SLF001


def stopped(runner: Runner) -> bool:
    """Whether the validations so far end the training, by the patience of this run's config."""
    return any(_stops(hook) for hook in runner.hooks if isinstance(hook, EarlyStoppingHook))


def _stops(hook: EarlyStoppingHook) -> bool:
    reached = hook.stopping_threshold is not None and hook.rule_map[hook.rule](
        hook.best_score, hook.stopping_threshold
    )
    return bool(hook.wait_count >= hook.patience or reached)
