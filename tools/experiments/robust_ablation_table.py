"""Write the table of the robust recipe's parts into docs/robustness.md.

    python tools/experiments/robust_ablation_table.py

Reads docs/results/robust_ablation.csv, a runs.csv of robust_ablation.py.
"""

from result_page import page_with
from robust_ablation import ROOT, summary

from mmeiou.whole_files import replacing

RESULTS = ROOT / "docs/results/robust_ablation.csv"
PAGE = ROOT / "docs/robustness.md"


def page() -> str:
    """The page with the table of the results."""
    return page_with(RESULTS, summary, PAGE, "robust-ablation")


def main() -> None:
    """Write it."""
    with replacing(PAGE) as unfinished:
        unfinished.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
