"""Loss and accuracy over a training run."""

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Curves:
    """What a run's log says of its progress, in order of iterations.

    Attributes:
        loss: (iteration, training loss) pairs, at least one.
        metrics: (iteration, value) pairs of each metric of the validation set.
    """

    loss: Points
    metrics: dict[str, Points]


def read_curves(work_dir: Path, prefix: str = "WIDERFace/") -> Curves:
    """Read the scalars of the latest run in a work folder.

    Args:
        work_dir: Folder of an MMEngine run.
        prefix: What the names of the metrics to read begin with.

    Raises:
        FileNotFoundError: There is no log.
        ValueError: The log holds no loss, or no metric of that prefix.
    """
    logs = sorted(work_dir.glob("*/vis_data/scalars.json"))  # folders are named by time
    if not logs:
        raise FileNotFoundError(f"no log of a training run in {work_dir}")
    loss: Points = []
    metrics: defaultdict[str, Points] = defaultdict(list)
    for line in logs[-1].read_text().splitlines():
        scalars = json.loads(line)
        if "loss" in scalars:
            loss.append((scalars["iter"], scalars["loss"]))
        for name in scalars:
            if name.startswith(prefix):
                # Its own step counts epochs; it was measured after the iteration logged last.
                metrics[name].append((loss[-1][0] if loss else 0, scalars[name]))
    if not loss or not metrics:
        raise ValueError(f"{logs[-1]} holds no loss or no {prefix}*; did training finish?")
    return Curves(loss, dict(metrics))


def plot_curves(file: Path, curves: Curves, title: str, floor: float | None = None) -> None:
    """Plot the training loss and the metrics over iterations into one picture.

    Args:
        file: Picture to write, its format by its suffix.
        curves: What to plot.
        title: Heading.
        floor: Value to mark as the least that the metrics are to reach.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (slow to import)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel="iteration", ylabel="loss")
    axes.set_xlim(0, curves.loss[-1][0])
    axes.set_ylim(0, 1.05 * max(value for _, value in curves.loss))
    axes.grid(alpha=0.3)
    lines = axes.plot(*zip(*curves.loss, strict=True), color="tab:blue", label="loss")
    right = axes.twinx()
    right.set_ylabel("AP")
    right.set_ylim(0, 1)
    colours = ("tab:orange", "tab:green", "tab:red")
    for i, (name, points) in enumerate(curves.metrics.items()):
        colour = colours[i % len(colours)]
        lines += right.plot(*zip(*points, strict=True), color=colour, marker="o", label=name)
    if floor is not None:
        lines.append(right.axhline(floor, color="tab:gray", ls=":", label=f"at least {floor}"))
    figure.legend(handles=lines, loc="outside lower center", ncols=len(lines))
    figure.savefig(file, dpi=110)
