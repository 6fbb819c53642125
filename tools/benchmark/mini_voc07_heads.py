"""Many box losses on the features of one trained trunk, side by side: cheap enough for a processor.

    python tools/benchmark/mini_voc07.py --rungs smooth-l1 --seeds 0 --keep-weights
    python tools/benchmark/mini_voc07_heads.py --trunk work_dirs/mini_voc07/smooth-l1_*/weights.pth

(one trunk at a time; the features of 12,492 images take 9 GB of memory).

Backbone, neck and RPN are those of the trunk and stay as they are; every loss trains a fresh box
head on the same RoIs (head_training.py). Appends a line for each head to OUT/heads.csv, and
what weight would give its loss a gradient as large as the baseline's to OUT/gradients.csv.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from mini_voc07 import (
    CANVAS,
    ROOT,
    RUNGS,
    Cell,
    check_files,
    compact,
    datasets,
    trained_classes,
)
from run_cells import append_row

from mmeiou.whole_files import replacing

BASELINE = "smooth-l1"


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trunk", type=Path, required=True, help="weights.pth of a whole training")
    parser.add_argument("--trunk-name", help="in the table; default: the name of its folder")
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=RUNGS)
    parser.add_argument("--weights", nargs="+", type=float, default=[None], help="of the box loss")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--holdout", type=int, default=0, help="as of mini_voc07.py")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=ROOT / "work_dirs" / "mini_voc07")
    return parser.parse_args()


def load_trunk(path: Path, cfg: Any, device: str) -> Any:
    """A ``BatchedTwoStage`` with all the weights of a file but those of its RoI head."""
    import torch  # noqa: PLC0415 - not for --help
    from batched_two_stage import BatchedTwoStage  # noqa: PLC0415

    from mmeiou.registry import MODELS  # noqa: PLC0415

    model = MODELS.build(cfg.model).to(device, memory_format=torch.channels_last)
    trunk = BatchedTwoStage(model, CANVAS).to(device).eval()
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = {key: value for key, value in state.items() if not key.startswith("roi_head.")}
    wrong = trunk.model.load_state_dict(state, strict=False)
    if wrong.unexpected_keys or any(not k.startswith("roi_head.") for k in wrong.missing_keys):
        raise SystemExit(f"{path}: not a detector of configs/mini_voc07: {wrong}")
    return trunk


def main() -> None:
    """Train, detect and evaluate all heads."""
    args = parse_args()
    if not args.trunk.exists():
        raise SystemExit(f"{args.trunk} not found: mini_voc07.py --keep-weights writes it")
    check_files()
    import numpy as np  # noqa: PLC0415 - not for --help
    import torch  # noqa: PLC0415
    from head_training import (  # noqa: PLC0415
        Schedule,
        build_heads,
        detect_with,
        equal_gradient_weights,
        keep,
        train_heads,
    )
    from mmengine.logging import MMLogger  # noqa: PLC0415
    from resident_training import evaluate  # noqa: PLC0415

    from mmeiou.engine.reuse_memory_hook import reuse_memory  # noqa: PLC0415

    MMLogger.get_current_instance().setLevel("WARNING")
    if args.device == "cpu":
        reuse_memory()
    name = args.trunk_name or args.trunk.parent.name
    cells = {
        # A module's name has no dot.
        f"{rung}@{weight:g}".replace(".", "_") if weight else rung: Cell(
            rung, 0, weight, args.holdout, None, ()
        )
        for rung in args.rungs
        for weight in args.weights
    }
    configs = {key: cell.config() for key, cell in cells.items()}
    first = next(iter(configs.values()))
    base = next(iter(cells.values())).base.config()
    trunk = load_trunk(args.trunk, base, args.device)
    learned, judged = datasets(next(iter(cells.values())), first, args.out)
    print(f"{name}: features of {2 * len(learned)} + {len(judged)} images", flush=True)
    tested = keep(trunk, judged.to(args.device), flip=False, training=False)
    there = learned.to(args.device)
    kept = (
        keep(trunk, there, flip=False, training=True),
        keep(trunk, there, flip=True, training=True),
    )
    meta = {"classes": trained_classes(first), "dataset_type": "VOC2007"}
    for seed in args.seeds:
        heads = build_heads(
            {key: cfg.model.roi_head.bbox_head for key, cfg in configs.items()}, seed
        ).to(args.device)
        schedule, title = Schedule(epochs=args.epochs), f"{name}, seed {seed}"
        history = train_heads(heads.train(), trunk, kept, schedule, seed, title)
        if BASELINE in heads:
            equal = equal_gradient_weights(heads, BASELINE, trunk, kept)
            for key, weight in equal.items():
                gradients = {"trunk": name, "seed": seed, "rung": key, "weight": round(weight, 2)}
                append_row(gradients, args.out / "gradients.csv")
        for key, detections in detect_with(heads.eval(), trunk, tested).items():
            loss = configs[key].model.roi_head.bbox_head.loss_bbox
            row: dict[str, Any] = {
                "trunk": name,
                "rung": key.partition("@")[0],
                "weight": loss.get("loss_weight", 1.0),
                "seed": seed,
                "epochs": args.epochs,
                "train_images": len(learned),
                "test_images": len(judged),
                "config": cells[key].config_hash(),
                "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
                "torch": torch.__version__,
            }
            metrics = evaluate(detections, judged, configs[key].test_evaluator, meta)
            row |= {k.removeprefix("voc/"): round(v, 5) for k, v in metrics.items()}
            stem = args.out / "heads" / f"{name}_{key}_seed{seed}"
            with replacing(stem.with_name(f"{stem.name}.npz")) as temporary:
                np.savez_compressed(temporary, **compact(detections))
            with replacing(stem.with_name(f"{stem.name}.json")) as temporary:
                temporary.write_text(json.dumps({**row, "losses": history}, indent=1) + "\n")
            append_row(row, args.out / "heads.csv")
            print(
                f"{stem.name}: AP {row['AP']:.4f}, AP50 {row['AP50']:.4f}, AP90 {row['AP90']:.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
