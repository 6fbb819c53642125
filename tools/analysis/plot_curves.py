"""Draw the loss and AP curves of a training run."""

import argparse
from pathlib import Path

from mmeiou.visualization import plot_curves, read_curves


def main() -> None:
    """Read the latest log of a work folder and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work_dir", type=Path, help="work folder of a training run")
    parser.add_argument("out", type=Path, help="picture to write, e.g. curves.png")
    parser.add_argument("--prefix", default="WIDERFace/", help="of the metrics to draw")
    args = parser.parse_args()
    try:
        curves = read_curves(args.work_dir, args.prefix)
    except (FileNotFoundError, ValueError) as error:
        raise SystemExit(str(error)) from None
    plot_curves(args.out, curves, args.work_dir.name)


if __name__ == "__main__":
    main()
