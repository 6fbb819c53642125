"""Write the table of distillation runs into docs/distillation.md.

    python tools/experiments/distillation_table.py

Reads docs/results/distillation.csv, a runs.csv of distillation.py.
"""

from distillation import ROOT, summary
from result_page import page_with

from mmeiou.whole_files import replacing

RESULTS = ROOT / "docs/results/distillation.csv"
PAGE = ROOT / "docs/distillation.md"


def page() -> str:
    """The page with the table of the results."""
    return page_with(RESULTS, summary, PAGE, "runs")


def main() -> None:
    """Write it."""
    with replacing(PAGE) as unfinished:
        unfinished.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
