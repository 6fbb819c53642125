"""Write the tables and the figure of the small VOC ladder into docs/reproduction.md.

    python tools/experiments/mini_voc07_table.py
    python tools/experiments/mini_voc07_table.py --runs work_dirs/mini_voc07/runs.csv

The second prints the comparison of one's own runs, and writes nothing.

Reads docs/results/mini_voc07: ``claim.csv`` (runs.csv of mini_voc07.py --claim), ``weights.csv``
(heads on a part of trainval, by weight of the box loss), ``retinanet_rates.csv`` (likewise, by
learning rate), ``whole.csv`` (mini_voc07.py's runs.csv), ``variants.csv`` (heads.csv of
mini_voc07_heads.py --variants) and ``gradients.csv``.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from mini_voc07 import HEADS, RUNGS

from mmeiou.evaluation.paired import PairedDifference, paired_difference
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

RESULTS = ROOT / "docs/results/mini_voc07"
PAGE = ROOT / "docs/reproduction.md"
FIGURE = ROOT / "docs/images/mini_voc07.png"
BASELINE = "smooth-l1"
SHOWN = ("AP", "AP50", "AP75", "AP90")
# AP by size of the object; then errors, less is better: localization in LRP (1 - IoU of what is
# found) and in TIDE (AP that boxes of too low an IoU cost, and that wrong classes cost).
DETAILS = ("AP_s", "AP_m", "AP_l", "oLRP_Loc", "dAP_Loc", "dAP_Cls")
STRICTER = ("AP50", "AP60", "AP70", "AP75", "AP80", "AP90")
Row = dict[str, str]
Runs = dict[tuple[str, str], Row]  # by trunk and seed
Rungs = dict[tuple[str, float], Runs]  # by loss and weight


def read(path: Path) -> list[Row]:
    """Lines of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def by_rung(rows: list[Row]) -> Rungs:
    """Runs of each loss and weight, in the ladder's order, by what pairs them: trunk and seed.

    A change of a loss has its own name.
    """
    found: Rungs = defaultdict(dict)
    for row in sorted(rows, key=lambda row: RUNGS.index(row["rung"])):
        name = row.get("variant") or row["rung"]
        found[name, float(row["weight"])][row.get("trunk", ""), row["seed"]] = row
    return dict(found)


def baseline_of(rungs: Rungs) -> Runs:
    """The runs of smooth-L1; where there are none, of what was changed, which comes first."""
    first = next(iter(rungs.values()))
    return next((runs for (rung, _), runs in rungs.items() if rung == BASELINE), first)


def difference(first: Runs, second: Runs, key: str) -> PairedDifference:
    """Of a measure in percent, over the pairs that both have."""
    pairs = sorted(first.keys() & second.keys())
    return paired_difference(
        [100 * float(first[pair][key]) for pair in pairs],
        [100 * float(second[pair][key]) for pair in pairs],
    )


def comparison(rows: list[Row], shown: tuple[str, ...] = SHOWN) -> str:
    """Means and deviations over the runs, and paired differences from the baseline."""
    rungs = by_rung(rows)
    base = baseline_of(rungs)
    heads = ["loss", "weight", "runs", *shown, *(f"{key}, gain" for key in shown)]
    lines = [
        f"| {' | '.join(heads)} |",
        "|---|---:|---:|" + "---:|" * (2 * len(shown)),
    ]
    for (rung, weight), runs in rungs.items():
        values = {key: [100 * float(run[key]) for run in runs.values()] for key in shown}
        cells = [
            f"{mean(v):.2f}" + (f" ± {stdev(v):.2f}" if len(v) > 1 else "") for v in values.values()
        ]
        gains = ["" if runs is base else _gain(base, runs, key) for key in shown]
        lines.append(f"| {rung} | {weight:g} | {len(runs)} | {' | '.join([*cells, *gains])} |")
    return "\n".join(lines) + "\n"


def _gain(first: Runs, second: Runs, key: str) -> str:
    found = difference(first, second, key)
    if found.number == 1:
        return f"{found.mean:+.2f}"
    text = f"{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
    return f"**{text}**" if found.low > 0 or found.high < 0 else text


def weights(rows: list[Row]) -> str:
    """AP by weight; the best of each rung is what its config has."""
    found: dict[str, dict[float, float]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: RUNGS.index(row["rung"])):
        found[row["rung"]][float(row["weight"])] = 100 * float(row["AP"])
    lines = ["| loss | AP by weight of the box loss |", "|---|---|"]
    for rung, aps in found.items():
        best = max(aps, key=lambda weight: aps[weight])
        cells = [
            f"**{weight:g}: {ap:.2f}**" if weight == best else f"{weight:g}: {ap:.2f}"
            for weight, ap in sorted(aps.items())
        ]
        lines.append(f"| {rung} | {', '.join(cells)} |")
    return "\n".join(lines) + "\n"


def gradients(rows: list[Row]) -> str:
    """Each loss's weight of equal gradient; of the two-stage detector the mean over trunks."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: RUNGS.index(row["rung"])):
        detector = next((name for name in HEADS if row["trunk"].startswith(name)), "faster-rcnn")
        found[row["rung"]][detector].append(float(row["weight"]))
    lines = [f"| loss | {' | '.join(HEADS)} |", "|---|" + "---:|" * len(HEADS)]
    for rung, weights in found.items():
        cells = [f"{mean(weights[name]):.2f}" if name in weights else "" for name in HEADS]
        lines.append(f"| {rung} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def rates(rows: list[Row]) -> str:
    """AP by learning rate."""
    lines = ["| learning rate | AP | AP50 |", "|---|---:|---:|"]
    for row in rows:
        rate = row["options"].rpartition("=")[2]
        lines.append(f"| {rate} | {100 * float(row['AP']):.2f} | {100 * float(row['AP50']):.2f} |")
    return "\n".join(lines) + "\n"


def draw(tables: dict[str, list[Row]], path: Path) -> None:
    """Gain over the baseline by IoU threshold, one panel for each table."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to import

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(
        1, len(tables), figsize=(5.5 * len(tables), 4), sharey=True, squeeze=False
    )
    for axis, (title, rows) in zip(axes[0], tables.items(), strict=True):
        rungs = by_rung(rows)
        base = baseline_of(rungs)
        for (rung, weight), runs in rungs.items():
            if runs is not base:
                gains = [difference(base, runs, key).mean for key in STRICTER]
                axis.plot(STRICTER, gains, marker="o", label=f"{rung} ({weight:g})")
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_title(title, fontsize=10)
        axis.legend(fontsize=7)
    axes[0][0].set_ylabel("gain over smooth-L1, points")
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def main() -> None:
    """Write all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, metavar="CSV", help="runs.csv or heads.csv")
    args = parser.parse_args()
    if args.runs:
        for rows in comparable(read(args.runs)):
            print(comparison(rows))
        return
    text = PAGE.read_text()
    for name, content in sections().items():
        text = replace_section(text, name, f"\n{content}\n", PAGE)
    with replacing(PAGE) as temporary:
        temporary.write_text(text)
    draw(trained_whole(), FIGURE)


def trained_whole() -> dict[str, list[Row]]:
    """Whole trainings of each detector."""
    rows = read(RESULTS / "whole.csv")
    return {name: [row for row in rows if row["detector"] == name] for name in HEADS}


def comparable(rows: list[Row]) -> list[list[Row]]:
    """Runs of one length, on the same images, that have a baseline."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        same = ("detector", "epochs", "options", "train_images", "test_images")
        groups[tuple(row.get(key, "") for key in same)].append(row)
    return [
        runs
        for runs in groups.values()
        if any(run["rung"] == BASELINE or run.get("variant") for run in runs)
    ]


def sections() -> dict[str, str]:
    """What stands in each generated part of the page."""
    whole, one_stage = trained_whole().values()
    return {
        "voc-claim": comparison(read(RESULTS / "claim.csv")),
        "voc-weights": weights(read(RESULTS / "weights.csv")),
        "voc-whole": comparison(whole),
        "voc-details": comparison(whole, DETAILS).replace(", gain", ", change"),
        "voc-rates": rates(read(RESULTS / "retinanet_rates.csv")),
        "voc-one-stage": comparison(one_stage),
        "voc-one-stage-details": comparison(one_stage, DETAILS).replace(", gain", ", change"),
        "voc-variants": comparison(read(RESULTS / "variants.csv")),
        "voc-gradients": gradients(read(RESULTS / "gradients.csv")),
    }


if __name__ == "__main__":
    main()
