"""Many box losses on the features of one trained trunk, side by side: cheap enough for a processor.

    python tools/experiments/mini_voc07.py --rungs smooth-l1 --seeds 0 --keep-weights
    python tools/experiments/mini_voc07_heads.py --trunk work_dirs/mini_voc07/*/weights.pth

(one trunk at a time; the features of 12,492 images take 9 GB of memory).

With --variants it trains changes of the whole method instead of other losses, beside the method
itself.

Backbone, neck and RPN are those of the trunk and stay as they are; every loss trains a fresh box
head on the same RoIs (head_training.py). Appends a line for each head to OUT/heads.csv, and
what weight would give its loss a gradient as large as the baseline's to OUT/gradients.csv.
"""

import argparse
import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mini_voc07 import (
    CANVAS,
    ROOT,
    RUNGS,
    Cell,
    check_files,
    compact,
    datasets,
    hash_of,
    trained_classes,
)
from run_cells import append_row

from mmeiou.whole_files import replacing

BASELINE = "smooth-l1"
WHOLE = "eiou-sot-iou"
# Changes of the whole method in our own name, one at a time: options of its box head.
VARIANTS: dict[str, dict[str, Any]] = {
    "mirror-symmetric": {"loss_bbox.mirror_symmetric": True},
    "sot by target": {"loss_bbox.sot": "target"},
    "knee 1": {"loss_bbox.smooth_point": 1.0},
    "knee shrinks": {"loss_bbox.smooth_point": 1.0},  # and see SHRINKING
    "iou by bce": {"loss_iou": {"_delete_": True, "type": "CrossEntropyLoss", "use_sigmoid": True}},
    "iou of the prior": {"iou_target": "prior"},
    "iou pulls boxes": {"detach_iou_target": False},
}
SHRINKING = {"knee shrinks": (1.0, 0.1)}  # smooth_point, from the first step to the last
# Exponents of the predicted IoU in the score; the whole method's head is not trained anew for them.
FUSIONS = (0.0, 0.25, 0.75, 1.0)


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trunk", type=Path, required=True, help="weights.pth of a whole training")
    parser.add_argument("--trunk-name", help="in the table; default: the name of its folder")
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=RUNGS)
    parser.add_argument("--weights", nargs="+", type=float, default=[None], help="of the box loss")
    parser.add_argument("--variants", action="store_true", help="of the whole method, not rungs")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--holdout", type=int, default=0, help="as of mini_voc07.py")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=ROOT / "work_dirs" / "mini_voc07")
    return parser.parse_args()


class Entry(NamedTuple):
    """A head of the table."""

    rung: str
    config: Any
    variant: str = ""


def entries(args: argparse.Namespace) -> dict[str, Entry]:
    """Heads to train, by names without dots, as a module's must be."""
    if not args.variants:
        return {
            f"{rung}@{weight:g}".replace(".", "_") if weight else rung: Entry(
                rung, Cell(rung, 0, weight, args.holdout, None, ()).config()
            )
            for rung in args.rungs
            for weight in args.weights
        }
    whole = Cell(WHOLE, 0, None, args.holdout, None, ())
    found = {WHOLE: Entry(WHOLE, whole.config())}
    for name, options in VARIANTS.items():
        cfg = whole.config()
        cfg.merge_from_dict({f"model.roi_head.bbox_head.{k}": v for k, v in options.items()})
        found[name] = Entry(WHOLE, cfg, name)
    return found


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


@dataclass(frozen=True)
class Judge:
    """Writes a head's line and files.

    Attributes:
        out: Folder of ``heads.csv``; ``heads`` in it gets detections and losses.
        data: The images that are judged.
        classes: Their classes.
        known: Columns that all heads have alike.
    """

    out: Path
    data: Any
    classes: tuple[str, ...]
    known: dict[str, Any]

    def __call__(self, key: str, entry: Entry, seed: int, detections: Any, trained: Any) -> None:
        """Evaluate the detections, and write them with what :func:`train_missing` left."""
        import numpy as np  # noqa: PLC0415 - not for --help
        from resident_training import evaluate  # noqa: PLC0415

        loss = entry.config.model.roi_head.bbox_head.loss_bbox
        row: dict[str, Any] = {
            "rung": entry.rung,
            "variant": entry.variant,
            "weight": loss.get("loss_weight", 1.0),
            "seed": seed,
            "config": hash_of(entry.config),
            **self.known,
            **trained["on"],
        }
        meta = {"classes": self.classes, "dataset_type": "VOC2007"}
        metrics = evaluate(detections, self.data, entry.config.test_evaluator, meta)
        row |= {k.removeprefix("voc/"): round(v, 5) for k, v in metrics.items()}
        name = f"{row['trunk']}_{key.replace(' ', '-')}_seed{seed}"
        with replacing(self.out / "heads" / f"{name}.npz") as temporary:
            np.savez_compressed(temporary, **compact(detections))
        with replacing(self.out / "heads" / f"{name}.json") as temporary:
            temporary.write_text(json.dumps({**row, "losses": trained["losses"]}, indent=1) + "\n")
        append_row(row, self.out / "heads.csv")
        shown = ", ".join(f"{measure} {row[measure]:.4f}" for measure in ("AP", "AP50", "AP90"))
        print(f"{name}: {shown}", flush=True)


def heads_of(wanted: dict[str, Entry], seed: int, device: str) -> Any:
    """The heads, as they begin."""
    from head_training import build_heads  # noqa: PLC0415

    configs = {key: entry.config.model.roi_head.bbox_head for key, entry in wanted.items()}
    return build_heads(configs, seed).to(device)


def train_missing(
    left: dict[int, Path],
    wanted: dict[str, Entry],
    trunk: Any,
    learned: Any,
    name: str,
    epochs: int,
) -> None:
    """Train the heads of the seeds that have not left their weights, and append the gradients.

    Args:
        left: File of each seed's weights.
        wanted: The heads.
        trunk: Its features are kept here alone: gigabytes, which must not be there afterwards.
        learned: The images, on the device.
        name: Of the trunk.
        epochs: Of the training.
    """
    import torch  # noqa: PLC0415
    from head_training import (  # noqa: PLC0415
        Schedule,
        equal_gradient_weights,
        keep,
        train_heads,
    )

    missing = {seed: file for seed, file in left.items() if not file.exists()}
    if not missing:
        return
    print(f"{name}: features of {2 * len(learned)} images", flush=True)
    kept = (
        keep(trunk, learned, flip=False, training=True),
        keep(trunk, learned, flip=True, training=True),
    )
    device = learned.images.device
    for seed, file in missing.items():
        heads = heads_of(wanted, seed, device)
        schedule, title = Schedule(epochs=epochs), f"{name}, seed {seed}"
        history = train_heads(heads.train(), trunk, kept, schedule, seed, SHRINKING, title)
        if BASELINE in heads:
            equal = equal_gradient_weights(heads, BASELINE, trunk, kept)
            for key, weight in equal.items():
                row = {"trunk": name, "seed": seed, "rung": key, "weight": round(weight, 2)}
                append_row(row, file.parents[1] / "gradients.csv")
        trained = {
            "heads": heads.state_dict(),
            "losses": history,
            "on": {
                "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
                "torch": str(torch.__version__),
            },
        }
        with replacing(file) as temporary:
            torch.save(trained, temporary)


def main() -> None:
    """Train, detect and evaluate all heads."""
    args = parse_args()
    if not args.trunk.exists():
        raise SystemExit(f"{args.trunk} not found: mini_voc07.py --keep-weights writes it")
    check_files()
    import torch  # noqa: PLC0415 - not for --help
    from head_training import detect_with, keep  # noqa: PLC0415
    from mmengine.logging import MMLogger  # noqa: PLC0415
    from torch import nn  # noqa: PLC0415

    from mmeiou.engine.reuse_memory_hook import reuse_memory  # noqa: PLC0415

    MMLogger.get_current_instance().setLevel("WARNING")
    if args.device == "cpu":
        reuse_memory()
    name = args.trunk_name or args.trunk.parent.name
    wanted = entries(args)
    base = Cell(RUNGS[0], 0, None, args.holdout, None, ()).base
    trunk = load_trunk(args.trunk, base.config(), args.device)
    learned, judged = datasets(base, base.config(), args.out)
    # Whoever was cut off behind the training goes on with the heads that it left.
    what = [args.epochs, args.holdout, SHRINKING, len(learned)]
    what += [(key, hash_of(entry.config)) for key, entry in wanted.items()]
    digest = hashlib.sha256(json.dumps(what).encode() + args.trunk.read_bytes()).hexdigest()[:10]
    left = {seed: args.out / "heads" / f"{name}_seed{seed}_{digest}.pth" for seed in args.seeds}
    train_missing(left, wanted, trunk, learned.to(args.device), name, args.epochs)
    known = {
        "trunk": name,
        "epochs": args.epochs,
        "train_images": len(learned),
        "test_images": len(judged),
    }
    judge = Judge(args.out, judged, trained_classes(base.config()), known)
    print(f"{name}: features of {len(judged)} images", flush=True)
    tested = keep(trunk, judged.to(args.device), flip=False, training=False)
    for seed, file in left.items():
        heads = heads_of(wanted, seed, args.device)
        trained = torch.load(file, map_location=args.device, weights_only=True)
        heads.load_state_dict(trained["heads"])
        for key, detections in detect_with(heads.eval(), trunk, tested).items():
            judge(key, wanted[key], seed, detections, trained)
        for exponent in FUSIONS if args.variants else ():
            cfg = copy.deepcopy(wanted[WHOLE].config)
            cfg.model.roi_head.bbox_head.iou_fusion = exponent
            setattr(heads[WHOLE], "iou_fusion", exponent)  # noqa: B010 - a module has tensors alone
            alone = nn.ModuleDict({WHOLE: heads[WHOLE]})
            (detections,) = detect_with(alone, trunk, tested).values()
            key = f"fusion {exponent:g}"
            judge(key, Entry(WHOLE, cfg, key), seed, detections, trained)


if __name__ == "__main__":
    main()
