"""Figures of the laboratory of box losses."""

from math import ceil, isnan
from pathlib import Path

import matplotlib as mpl
import torch
from torch import Tensor

from mmeiou.whole_files import replacing

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the choice of a back end without a screen

_COLUMNS = 5
_COLOURS = "viridis"


def draw_curves(curves: dict[str, Tensor], interval: int, out: Path) -> None:
    """Mean IoU against steps, each loss in a panel of its own, the others grey behind it."""
    figure, axes = _panels(len(curves))
    steps = [interval * index for index in range(len(next(iter(curves.values()))))]
    for axis, name in zip(axes, curves, strict=False):
        for curve in curves.values():
            axis.plot(steps, curve.numpy(), color="0.85", linewidth=0.7)
        axis.plot(steps, curves[name].numpy(), color="C0", linewidth=2)
        axis.set_title(f"{name}: {float(curves[name][-1]):.2f}", fontsize=9)
        axis.set_ylim(0, 1)
    figure.supxlabel("steps")
    figure.supylabel("mean IoU")
    _save(figure, out / "regression_curves.png")


def draw_groups(
    finals: dict[str, Tensor], groups: dict[tuple[str, str], Tensor], out: Path
) -> None:
    """Mean IoU at the end, losses by how a box starts."""
    means = torch.stack(
        [torch.stack([final[mask].mean() for mask in groups.values()]) for final in finals.values()]
    )
    figure, axis = plt.subplots(figsize=(11, 1.5 + 0.28 * len(finals)))
    axis.imshow(means.numpy(), cmap=_COLOURS, vmin=0, vmax=1, aspect="auto")
    for (row, column), value in _each(means):
        if isnan(value):  # no case starts like this
            continue
        colour = "black" if value > 0.6 else "white"  # noqa: PLR2004 - of that colour map
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_yticks(range(len(finals)), list(finals))
    axis.set_xticks(range(len(groups)), [label for _, label in groups], rotation=45, fontsize=8)
    axis.tick_params(top=False, bottom=False, left=False)
    kinds = [kind for kind, _ in groups]
    titles = {
        "distance": "distance, target sizes",
        "IoU": "IoU",
        "scale": "area, of the target's",
        "aspect": "ratio of aspect ratios",
    }
    for kind, title in titles.items():
        first = kinds.index(kind)
        axis.axvline(first - 0.5, color="white", linewidth=3)
        axis.text(first - 0.4, -0.7, title, fontsize=9)
    _save(figure, out / "regression_groups.png")


def draw_map(finals: dict[str, Tensor], offset: Tensor, out: Path, cells: int = 31) -> None:
    """Mean IoU at the end by where the centre of a prior starts; the target is in the middle."""
    reach = 3.0
    cell = ((offset + reach) / (2 * reach) * cells).long().clamp(0, cells - 1)
    index = cell[:, 1] * cells + cell[:, 0]
    count = torch.bincount(index, minlength=cells**2)
    figure, axes = _panels(len(finals), aspect="equal")
    for axis, (name, final) in zip(axes, finals.items(), strict=False):
        mean = torch.bincount(index, final, minlength=cells**2) / count
        axis.imshow(
            mean.view(cells, cells).numpy(),
            cmap=_COLOURS,
            vmin=0,
            vmax=1,
            extent=(-reach, reach, reach, -reach),
        )
        axis.add_patch(plt.Rectangle((-0.5, -0.5), 1, 1, fill=False, color="white"))
        axis.set_title(name, fontsize=9)
    figure.supxlabel("start of the centre, in target sizes; bright: comes home")
    _save(figure, out / "regression_map.png")


def _panels(count: int, aspect: str = "auto") -> tuple[plt.Figure, list[plt.Axes]]:
    rows = ceil(count / _COLUMNS)
    figure, axes = plt.subplots(
        rows, _COLUMNS, figsize=(11, 2.1 * rows + 0.5), sharex=True, sharey=True, squeeze=False
    )
    panels = list(axes.flat)
    for axis in panels[count:]:
        axis.axis("off")
    for axis in panels[:count]:
        axis.set_aspect(aspect)
    return figure, panels[:count]


def _each(values: Tensor) -> list[tuple[tuple[int, int], float]]:
    rows, columns = values.shape
    return [((r, c), float(values[r, c])) for r in range(rows) for c in range(columns)]


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=90)
    plt.close(figure)
