"""Loss, learning rate and accuracy over training runs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmeiou.visualization.figures import COLOURS, figure

Points = list[tuple[int, float]]

_STYLES = ("-", "--", ":", "-.")
_NOT_METRICS = {"step", "epoch", "iter", "time", "data_time", "memory"}
_UNDEFINED = -1  # COCO's AP where there are no boxes, of a size for example


@dataclass(frozen=True)
class Curves:
    """What a run's log says of its progress, as (iteration, value) pairs in their order.

    Attributes:
        loss: Training loss.
        metrics: Each metric of the validation set.
        parts: Each term of the loss, if there are several.
        lr: Learning rate.
    """

    loss: Points
    metrics: dict[str, Points] = field(default_factory=dict)
    parts: dict[str, Points] = field(default_factory=dict)
    lr: Points = field(default_factory=list)

    def followed_by(self, later: "Curves") -> "Curves":
        """These up to the start of the later run, an interval of logging before its first loss."""
        if not later.loss:
            return self
        first = later.loss[0][0]
        start = first - (later.loss[1][0] - first if len(later.loss) > 1 else 1)

        def join(ours: Points, theirs: Points) -> Points:
            return [point for point in ours if point[0] <= start] + theirs

        def join_all(ours: dict[str, Points], theirs: dict[str, Points]) -> dict[str, Points]:
            joined = {
                name: join(ours.get(name, []), theirs.get(name, [])) for name in {**ours, **theirs}
            }
            return {name: points for name, points in joined.items() if points}

        return Curves(
            join(self.loss, later.loss),
            join_all(self.metrics, later.metrics),
            join_all(self.parts, later.parts),
            join(self.lr, later.lr),
        )


def read_curves(run: Path, prefix: str = "WIDERFace/") -> Curves:
    """Read the scalars that a run logged.

    A work folder has a log for each start of the run. They are read one after the other, and each
    replaces what it repeats: a resumed run goes on where its checkpoint was, one that began anew
    is shown alone. Logs without a loss, those of tests, are left out.

    Args:
        run: Work folder of an MMEngine run; the folder of one log in it, named by time; or a
            ``scalars.json``.
        prefix: What the names of the metrics to read begin with. If it is empty, there need not be
            a metric yet.

    Raises:
        FileNotFoundError: There is no log.
        ValueError: A log cannot be read, or they hold no loss, or no metric of that prefix.
    """
    logs = _logs(run)
    curves = Curves([])
    for log in logs:
        curves = curves.followed_by(_read(log, prefix))
    if not curves.loss or (prefix and not curves.metrics):
        raise ValueError(f"{logs[-1]} holds no loss or no {prefix}*; did training finish?")
    return curves


def read_scalars(run: Path) -> list[dict[str, Any]]:
    """All that a run logged, line by line; see :func:`read_curves`."""
    lines: list[dict[str, Any]] = []
    for log in _logs(run):
        _each_line(log, lines.append)
    return lines


def _logs(run: Path) -> list[Path]:
    if run.is_file():
        return [run]
    # folders are named by time
    logs = sorted(run.glob("*/vis_data/scalars.json")) or list(run.glob("vis_data/scalars.json"))
    if not logs:
        raise FileNotFoundError(f"no log of a training run in {run}: no */vis_data/scalars.json")
    return logs


def _read(log: Path, prefix: str) -> Curves:
    curves = Curves([])
    _each_line(log, lambda scalars: _add(curves, scalars, prefix))
    return curves


def _each_line(log: Path, use: Callable[[dict[str, Any]], None]) -> None:
    number = 0
    try:
        for line in log.read_text(encoding="utf-8").splitlines():
            number += 1
            use(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{log}:{number}: not a line of MMEngine's scalars: {error}") from error


def _add(curves: Curves, scalars: dict[str, Any], prefix: str) -> None:
    if "loss" in scalars:
        iteration = scalars["iter"]
        curves.loss.append((iteration, scalars["loss"]))
        if "lr" in scalars:
            curves.lr.append((iteration, scalars["lr"]))
        for name, value in scalars.items():
            if "loss" in name and name != "loss":
                curves.parts.setdefault(name, []).append((iteration, value))
        return
    # Its own step counts epochs; it was measured after the iteration logged last.
    iteration = curves.loss[-1][0] if curves.loss else 0
    for name, value in scalars.items():
        if not name.startswith(prefix) or name in _NOT_METRICS:
            continue
        if isinstance(value, (int, float)) and value != _UNDEFINED:
            curves.metrics.setdefault(name, []).append((iteration, value))


def plot_curves(file: Path, curves: Curves, title: str, floor: float | None = None) -> None:
    """Plot one run; see :func:`plot_runs`."""
    plot_runs(file, {title: curves}, floor)


def plot_runs(file: Path, runs: Mapping[str, Curves], floor: float | None = None) -> None:
    """Plot loss, learning rate and metrics over iterations, one below the other.

    Of a single run each term of the loss and each metric has a colour; of several the terms are
    left out, each run has a colour, and each metric a style of line.

    Args:
        file: Picture to write, its format by its suffix.
        runs: What to plot, by name.
        floor: Value to mark as the least that the metrics are to reach.
    """
    several = len(runs) > 1
    losses = {
        name: {"loss": run.loss, **({} if several else run.parts)} for name, run in runs.items()
    }
    metrics = {name: run.metrics for name, run in runs.items()}
    heights = {"training loss": 3.0, "learning rate": 1.2, "validation": 3.0}
    if not any(run.lr for run in runs.values()):
        del heights["learning rate"]
    if not any(metrics.values()):
        del heights["validation"]
    with figure(file, 9, 0.6 + sum(heights.values())) as drawn:
        drawn.suptitle(None if several else next(iter(runs)))
        grid = drawn.subplots(
            len(heights), sharex=True, squeeze=False, height_ratios=list(heights.values())
        )
        panels = dict(zip(heights, grid[:, 0], strict=True))
        grid[-1, 0].set_xlabel("iteration")
        grid[-1, 0].xaxis.get_major_locator().set_params(integer=True)
        _plot(panels["training loss"], losses)
        if "learning rate" in panels:
            _plot(panels["learning rate"], {name: {"lr": run.lr} for name, run in runs.items()})
        if "validation" in panels:
            if floor is not None:
                label = f"at least {floor}"
                panels["validation"].axhline(floor, color="gray", ls=":", label=label)
            _plot(panels["validation"], metrics, marker="o", ms=3)
        for name, axes in panels.items():
            axes.set_ylabel(name)
            axes.grid(alpha=0.3)
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
        panels["training loss"].set_ylim(bottom=0)


def _plot(axes: Any, runs: Mapping[str, Mapping[str, Points]], **style: Any) -> None:
    names = list(dict.fromkeys(name for lines in runs.values() for name in lines))
    for number, (run, lines) in enumerate(runs.items()):
        for name, points in lines.items():
            place = names.index(name)
            colour, dashes = (number, place) if len(runs) > 1 else (place, 0)
            axes.plot(
                [iteration for iteration, _ in points],
                [value for _, value in points],
                color=COLOURS[colour % len(COLOURS)],
                ls=_STYLES[dashes % len(_STYLES)],
                lw=2 if name == "loss" else 1,
                label=f"{name}, {run}" if len(runs) > 1 else name,
                **style,
            )
