"""Train the same detector with one box loss after the other, and print their APs side by side.

By default Faster R-CNN on Pascal VOC 2007, from smooth-L1 to the full method. Each run trains a
small network from random weights, saves it, loads it into a fresh one, checks that both predict the
same, and evaluates. On a sample of some dozens of images this shows that everything works, not
which loss wins: for that, train the configs as they are, on the whole data (tools/train.py).

    MMEIOU_VOC=/somewhere/VOCdevkit/ python tools/experiments/loss_ladder.py
    python tools/experiments/loss_ladder.py --configs configs/retinanet/*.py --iters 200

Writes ladder.json and ladder.md into the folder --out, and exits with 1 if a loss did not fall or a
reloaded network predicts something else.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ladder_run import RunResult, run
from short_config import RunOptions

from mmeiou.cli import add_cfg_options, select_device
from mmeiou.config import parse_cfg_options

ROOT = Path(__file__).resolve().parents[2]
RUNGS = ("smooth-l1", "l1", "iou", "giou", "diou", "ciou", "eiou", "eiou-sot", "eiou-sot-iou")
DATASETS = {"voc": "voc07", "voc0712": "voc0712", "coco": "coco"}


def config_of(rung: str, dataset: str) -> Path:
    """Config file of a rung."""
    name = f"faster-rcnn_r50_fpn_{rung}_8xb2-1x_{DATASETS[dataset]}.py"
    return ROOT / "configs" / "faster_rcnn" / name


def table(results: list[RunResult]) -> str:
    """Markdown table, one line for each run and set of images."""
    names = list(next(iter(results[0].aps.values())))
    lines = [
        f"| config | loss, first to last tenth | images | {' | '.join(names)} | s / iteration |",
        "|---" * (4 + len(names)) + "|",
    ]
    for result in results:
        for split, aps in result.aps.items():
            numbers = " | ".join(f"{aps[name]:.4f}" for name in names)
            lines.append(
                f"| {result.name} | {result.first_loss:.3f} to {result.last_loss:.3f} | {split} "
                f"| {numbers} | {result.seconds_per_iter:.2f} |"
            )
    return "\n".join(lines) + "\n"


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--rungs", nargs="+", choices=RUNGS, default=RUNGS, help="default: all")
    what.add_argument("--configs", nargs="+", type=Path, help="any configs in place of the ladder")
    parser.add_argument("--dataset", choices=DATASETS, default="voc", help="of the ladder")
    parser.add_argument("--iters", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--size", type=int, default=256, help="longest side of an image, pixels")
    parser.add_argument("--lr", type=float, default=1e-3, help="of AdamW, cosine, for all runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--splits",
        nargs="+",
        choices=("train", "val"),
        default=("train", "val"),
        help="images to evaluate on",
    )
    parser.add_argument(
        "--full-size",
        action="store_true",
        help="the config's own network (pretrained weights are downloaded) instead of a quarter-"
        "width ResNet-18 and heads in proportion",
    )
    parser.add_argument("--load-from", help="checkpoint to start from; its network must fit")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/loss_ladder"))
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add_cfg_options(parser, "randomness.deterministic=True")
    return parser.parse_args()


def main() -> None:
    """Run the ladder."""
    args = parse_args()
    select_device(args.device)
    options = RunOptions(
        iters=args.iters,
        batch_size=args.batch_size,
        size=args.size,
        lr=args.lr,
        seed=args.seed,
        splits=tuple(args.splits),
        full_size=args.full_size,
        load_from=args.load_from,
        cfg_options=parse_cfg_options(args.cfg_options),
    )
    paths = args.configs or [config_of(rung, args.dataset) for rung in args.rungs]
    args.out.mkdir(parents=True, exist_ok=True)
    results: list[RunResult] = []
    for path in paths:
        print(f"{path.stem} ({len(results) + 1} of {len(paths)})", flush=True)
        results.append(run(path, options, args.out / path.stem))
        report: dict[str, Any] = {
            "options": vars(options),
            "results": [vars(result) for result in results],
        }
        # After each run, so that nothing is lost if a later one fails.
        (args.out / "ladder.json").write_text(json.dumps(report, indent=2) + "\n")
        (args.out / "ladder.md").write_text(table(results))
    print(table(results), end="")
    problems = [f"{result.name}: {problem}" for result in results for problem in result.problems()]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
