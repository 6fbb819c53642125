"""Loss and accuracy over a training run."""

from collections.abc import Sequence
from pathlib import Path

Points = Sequence[tuple[int, float]]


def plot_curves(file: Path, loss: Points, ap: Points, title: str, floor: float | None) -> None:
    """Plot the training loss and the AP over iterations into one picture.

    Args:
        file: Picture to write, its format by its suffix.
        loss: (iteration, loss) pairs, at least one.
        ap: (iteration, AP) pairs.
        title: Heading.
        floor: AP to mark as the least to reach, or None.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (slow to import)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel="iteration", ylabel="loss")
    axes.set_xlim(0, max(step for step, _ in [*loss, *ap]))
    axes.set_ylim(0, 1.05 * max(value for _, value in loss))
    axes.grid(alpha=0.3)
    lines = axes.plot(*zip(*loss, strict=True), color="tab:blue", label="loss")
    right = axes.twinx()
    right.set_ylabel("AP")
    right.set_ylim(0, 1)
    lines += right.plot(*zip(*ap, strict=True), color="tab:orange", marker="o", label="AP")
    if floor is not None:
        lines.append(right.axhline(floor, color="tab:orange", ls=":", label=f"AP {floor}"))
    axes.legend(handles=lines, loc="center right")
    figure.savefig(file, dpi=110)
