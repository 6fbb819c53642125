"""Draw loss, learning rate and metrics of training runs.

python tools/analysis/plot_curves.py work_dirs/a [work_dirs/b ...] curves.png
"""

import argparse
from pathlib import Path

from mmeiou.visualization import plot_runs, read_curves


def run_names(runs: list[Path]) -> list[str]:
    """As short a name for each run as tells them apart: the last parts of their paths."""
    paths = [run.resolve() for run in runs]
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise ValueError("the same run is given twice")


def main() -> None:
    """Read the logs and draw them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="work folder, or a log in one"
    )
    parser.add_argument("out", type=Path, help="picture to write, e.g. curves.png")
    parser.add_argument("--prefix", default="", help="of the metrics to draw, e.g. WIDERFace/")
    args = parser.parse_args()
    try:
        names = run_names(args.runs)
        curves = [read_curves(run, args.prefix) for run in args.runs]
        plot_runs(args.out, dict(zip(names, curves, strict=True)))
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"plot_curves: {error}") from error


if __name__ == "__main__":
    main()
