"""Write the table and the figure of tools/analysis/robustness.py into docs/robustness.md.

    python tools/analysis/robustness_table.py

Reads docs/results/robustness.csv, which is what robustness.py --csv wrote.
"""

import argparse
import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmeiou.evaluation.robustness import CLEAN, UNITS
from mmeiou.visualization.figures import COLOURS, figure
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

RESULTS = ROOT / "docs/results/robustness.csv"
PAGE = ROOT / "docs/robustness.md"
FIGURE = ROOT / "docs/images/robustness.png"
COLUMNS = ("easy", "medium", "hard", "found", "nme")
PANELS = 5  # in a row
TOP = {"hard": 100, "nme": 40}  # of the axes; what is beyond fails, by how much does not matter
Row = Mapping[str, str]


def read(file: Path) -> list[dict[str, str]]:
    """Lines of a table."""
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def models(rows: Sequence[Row]) -> list[str]:
    """Their names, in the order of the table."""
    return list(dict.fromkeys(row["model"] for row in rows))


def table(rows: Sequence[Row]) -> str:
    """AP in percent, share of found faces and landmark error in percent, by condition."""
    names = models(rows)
    heads = [f"{name} {column}" for name in names for column in ("easy", "medium", "hard")]
    heads += [f"{name} {column}" for name in names for column in ("found", "NME")]
    lines = [
        f"| corruption | strength | {' | '.join(heads)} |",
        f"|---|---:|{'---:|' * len(heads)}",
    ]
    by_condition: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by_condition.setdefault((row["corruption"], row["strength"]), {})[row["model"]] = row
    for (kind, strength), of in by_condition.items():
        cells = [_percent(of[name][column]) for name in names for column in COLUMNS[:3]]
        cells += [_percent(of[name][column]) for name in names for column in COLUMNS[3:]]
        shown = "" if kind == CLEAN else strength
        lines.append(f"| {kind.replace('_', ' ')} | {shown} | {' | '.join(cells)} |")
    first = rows[0]
    said = (
        f"AP of {first['wider_images']} pictures, found and NME (by the distance of the eyes) of "
        f"{first['landmark_images']}, all in percent; longer side {first['side']} pixels."
    )
    units = " ".join(f"{kind.replace('_', ' ')}: {unit}." for kind, unit in UNITS.items() if unit)
    return "\n".join(lines) + f"\n\n{said} {units}\n"


def _percent(value: str) -> str:
    """Of a share; where nothing was found there is no error to tell."""
    return f"{100 * float(value):.1f}" if value not in ("", "nan") else ""


def draw(rows: Sequence[Row], file: Path) -> None:
    """A panel for each corruption: AP hard above, landmark error below, both against strength.

    Args:
        rows: Of the table.
        file: Picture to write.
    """
    kinds = [kind for kind in dict.fromkeys(row["corruption"] for row in rows) if kind != CLEAN]
    measures = {
        column: label
        for column, label in (("hard", "AP hard, %"), ("nme", "NME, %"))
        if any(row[column] for row in rows)
    }
    bands = math.ceil(len(kinds) / PANELS)
    with figure(file, 2.8 * PANELS, 2.1 * bands * len(measures) + 0.4) as drawn:
        axes = drawn.subplots(bands * len(measures), PANELS, sharey=False, squeeze=False)
        for axis in axes.flat:
            axis.set_visible(False)
        for index, kind in enumerate(kinds):
            band, place = divmod(index, PANELS)
            for line, (column, label) in enumerate(measures.items()):
                axis = axes[band * len(measures) + line][place]
                axis.set_visible(True)
                _panel(axis, rows, kind, column)
                axis.set_ylim(0, TOP[column])
                if line == 0:
                    axis.set_title(kind.replace("_", " "), fontsize=9)
                if place == 0:
                    axis.set_ylabel(label, fontsize=8)
        axes[0][0].legend(fontsize=7)


def _panel(axis: Any, rows: Sequence[Row], kind: str, column: str) -> None:
    for name, colour in zip(models(rows), COLOURS, strict=False):
        chosen = [
            row for row in rows if row["model"] == name and row["corruption"] in (CLEAN, kind)
        ]
        labels = ["clean" if row["corruption"] == CLEAN else row["strength"] for row in chosen]
        values = [100 * float(row[column] or "nan") for row in chosen]
        axis.set_xticks(range(len(labels)), labels)
        axis.plot(range(len(labels)), values, marker="o", markersize=3, color=colour, label=name)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3)


def section(rows: Sequence[Row]) -> str:
    """What stands in the generated part of the page."""
    return f"\n{table(rows)}\n"


def main() -> None:
    """Write both."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    rows = read(RESULTS)
    text = replace_section(PAGE.read_text(), "robustness", section(rows), PAGE)
    with replacing(PAGE) as unfinished:
        unfinished.write_text(text)
    draw(rows, FIGURE)


if __name__ == "__main__":
    main()
