"""Write the table of distillation runs into docs/distillation.md.

    python tools/benchmark/distillation_table.py

Reads docs/results/distillation.csv, a runs.csv of distillation.py.
"""

import csv
import sys
from pathlib import Path

from distillation import ROOT, summary

from mmeiou.whole_files import replacing

sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section

RESULTS = ROOT / "docs/results/distillation.csv"
PAGE = ROOT / "docs/distillation.md"


def page(results: Path = RESULTS, path: Path = PAGE) -> str:
    """The page with the table of the results."""
    with results.open(newline="", encoding="utf-8") as file:
        table = summary(list(csv.DictReader(file)))
    return replace_section(path.read_text(encoding="utf-8"), "runs", f"\n{table}\n\n", path)


def main() -> None:
    """Write it."""
    with replacing(PAGE) as unfinished:
        unfinished.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
