"""Write the tables and the figure of YuNet's losses into docs/reproduction.md.

    python tools/experiments/yunet_losses_table.py

Reads docs/results/yunet_losses.csv, a runs.csv of yunet_losses.py, or several of them joined.
"""

from pathlib import Path
from textwrap import fill

from result_page import page_with
from run_cells import Row, read_rows
from seed_gains import by_arm, by_budget, gain
from yunet_losses import BASE, PERCENTS, ROOT, RUNGS, summary

from mmeiou.visualization.figures import COLOURS, figure
from mmeiou.whole_files import replacing

RESULTS = ROOT / "docs/results/yunet_losses.csv"
PAGE = ROOT / "docs/reproduction.md"
FIGURE = ROOT / "docs/images/yunet_losses.png"
LINEAR = 5  # points, up to which the figure's scale is linear
TICKS = (-50, -20, -10, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 10, 20, 50)
DODGE = 0.6  # hundredths of IoU between the bars of two rungs


def page() -> str:
    """The page with the tables of the results."""
    return page_with(RESULTS, summary, PAGE, "yunet-losses")


def draw(rows: list[Row], file: Path) -> None:
    """Gain over EIoU by IoU threshold with its interval, a panel for each budget."""
    budgets = by_budget(rows)
    at = {50: "hard", **{percent: f"hard_{percent}" for percent in PERCENTS}}
    with figure(file, 5.5 * len(budgets), 4) as drawn:
        panels = drawn.subplots(1, len(budgets), sharey=True, squeeze=False)[0]
        for axis, (title, runs) in zip(panels, budgets.items(), strict=True):
            arms = by_arm(runs, "arm")
            others = [rung for rung in RUNGS if rung != BASE and rung in arms]
            for index, rung in enumerate(others):
                found = [gain(arms.get(BASE, {}), arms[rung], name) for name in at.values()]
                shown = [(x, one) for x, one in zip(at, found, strict=True) if one]
                x = [percent + DODGE * (index - len(others) / 2) for percent, _ in shown]
                means = [one.mean for _, one in shown]
                halves = [one.high - one.mean for _, one in shown]  # NaN draws no bar
                look = {"marker": "o", "markersize": 4, "linewidth": 1, "capsize": 2}
                axis.errorbar(x, means, halves, label=rung, color=COLOURS[index], **look)
            axis.axhline(0, color="black", linewidth=0.8)
            axis.set_yscale("symlog", linthresh=LINEAR)  # points, and a rung that does not learn
            axis.grid(axis="y", linewidth=0.3)
            axis.set_title(fill(title, 70), fontsize=8)
            axis.set_xticks(list(at))
            axis.set_xlabel("IoU, percent")
            axis.legend(fontsize=7, loc="lower right")
        limits = panels[0].get_ylim()
        panels[0].set_yticks(TICKS, labels=[f"{tick:+d}" if tick else "0" for tick in TICKS])
        panels[0].set_ylim(limits)  # ticks would widen it
        panels[0].set_ylabel("gain over EIoU, points of AP hard")


def main() -> None:
    """Write all."""
    with replacing(PAGE) as unfinished:
        unfinished.write_text(page(), encoding="utf-8")
    draw(read_rows(RESULTS), FIGURE)


if __name__ == "__main__":
    main()
