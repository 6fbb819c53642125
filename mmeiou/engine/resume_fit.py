"""Whether a run can go on from a checkpoint: the same loop, optimizer and schedule."""

from collections.abc import Iterator
from typing import Any

from mmengine.runner import EpochBasedTrainLoop, Runner

# What changes in a schedule as it goes on, or follows from the learning rate.
_STATE = {
    *("last_step", "_global_step", "_last_value", "base_values", "verbose"),
    *("best", "num_bad_epochs", "cooldown_counter"),
}
# Options that schedules add to those of the optimizer.
_SCHEDULES = ("initial_", "max_", "min_", "base_")


def require_resumable(runner: Runner, checkpoint: dict[str, Any]) -> list[str]:
    """Compare the state of a training with the run that shall go on from it.

    Args:
        runner: With its loop, optimizer and schedules built.
        checkpoint: As it was loaded.

    Returns:
        Remarks on what of the config has no effect, as the checkpoint's is taken over.

    Raises:
        ValueError: If it has no such state, or one of another kind of loop, optimizer or schedule,
            or of more epochs or steps than the run shall have.
    """
    meta = checkpoint.get("meta")
    if not isinstance(meta, dict) or not {"epoch", "iter"} <= meta.keys():
        raise ValueError(
            "the checkpoint holds weights, but no state of a training to resume; start from its "
            "weights by load_from"
        )
    _require_loop(runner, meta["epoch"], meta["iter"])
    here, there = optimizer_name(runner), meta.get("optimizer")
    if there and here != there:
        raise ValueError(f"the checkpoint is of the optimizer {there}, this run's is {here}")
    if "optimizer" in checkpoint:
        _require_optimizer(runner.optim_wrapper.state_dict(), checkpoint["optimizer"])
    schedules, saved = runner.param_schedulers, checkpoint.get("param_schedulers")
    if not isinstance(schedules, list) or not isinstance(saved, list):
        return []
    return list(_schedule_remarks(schedules, saved))


def optimizer_name(runner: Runner) -> str | None:
    """Its class; None where there are several."""
    optimizer = getattr(runner.optim_wrapper, "optimizer", None)
    return optimizer and type(optimizer).__name__


def _require_loop(runner: Runner, epoch: int, steps: int) -> None:
    loop = runner.train_loop
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    if by_epoch and epoch == 0 and steps > len(runner.train_dataloader):
        raise ValueError(
            f"the checkpoint is of {steps} steps of an iteration-based training, this run trains "
            "by epochs"
        )
    if not by_epoch and epoch > 0:
        raise ValueError(
            f"the checkpoint is of {epoch} epochs of a training by epochs, this run's is "
            "iteration-based"
        )
    done, wanted, unit = (
        (epoch, loop.max_epochs, "epochs") if by_epoch else (steps, loop.max_iters, "steps")
    )
    if done > wanted:
        raise ValueError(
            f"the checkpoint was trained for {done} {unit}, this run's train_cfg has {wanted}"
        )


def _require_optimizer(ours: dict[str, Any], saved: dict[str, Any]) -> None:
    groups = [state.get("param_groups") or [{}] for state in (ours, saved)]
    here, there = ({key for key in group[0] if not key.startswith(_SCHEDULES)} for group in groups)
    # One way alone, it may be another release of torch.
    if here - there and there - here:
        raise ValueError(
            "the checkpoint is of another optimizer: its options have "
            f"{', '.join(sorted(there - here))}, this run's {', '.join(sorted(here - there))}"
        )
    sizes = [[len(one.get("params", ())) for one in group] for group in groups]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the checkpoint's optimizer has {sum(sizes[1])} parameters in {len(sizes[1])} groups, "
            f"this run's {sum(sizes[0])} in {len(sizes[0])}: other layers are frozen, or "
            "paramwise_cfg differs"
        )


def _schedule_remarks(schedules: list[Any], saved: list[dict[str, Any]]) -> Iterator[str]:
    ours = [one.state_dict() for one in schedules]
    if [_kind(one) for one in ours] != [_kind(one) for one in saved]:
        raise ValueError(
            "the checkpoint is of other schedules: "
            f"{'; '.join(', '.join(sorted(_kind(one))) for one in saved)}; this run's are "
            f"{', '.join(type(one).__name__ for one in schedules)}"
        )
    for schedule, mine, theirs in zip(schedules, ours, saved, strict=True):
        for key in sorted(_kind(mine)):
            if not _alike(mine[key], theirs[key]):
                yield (
                    f"{type(schedule).__name__}: {key} is {mine[key]} here and {theirs[key]} in "
                    "the checkpoint, which is taken"
                )


def _kind(state: dict[str, Any]) -> set[str]:
    return {key for key in state if key not in _STATE}


def _alike(one: Any, other: Any) -> bool:
    plain = (bool, int, float, str, list, tuple, dict)
    return not isinstance(one, plain) or one == other
