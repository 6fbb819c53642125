"""Draw loss, learning rate and metrics of training runs.

python tools/analysis/plot_curves.py work_dirs/a [work_dirs/b ...] curves.png
"""

import argparse
from pathlib import Path

from short_names import short_names

from mmeiou.visualization import plot_runs, read_curves


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
        names = short_names(args.runs)
        curves = [read_curves(run, args.prefix) for run in args.runs]
        plot_runs(args.out, dict(zip(names, curves, strict=True)))
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"plot_curves: {error}") from error


if __name__ == "__main__":
    main()
