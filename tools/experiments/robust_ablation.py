"""Which augmentation helps what on pictures as they are? YuNet_n with none, each, all; many seeds.

    python tools/dataset_converters/shrink_widerface.py data/widerface --out data/widerface_640
    python tools/experiments/robust_ablation.py data/widerface_640 --landmarks helen_test
    python tools/experiments/robust_ablation.py data/widerface_640 \
        --device cuda --jobs 6 --workers 2 --seconds 400 --train-only

Every arm is the released recipe with parts put in, those that were kept as they are in
configs/yunet/yunet-n_robust_2xb16-640e_widerface.py, trained for the same number of steps on crops
of --side pixels, from scratch or --init, and then measured: AP on WIDER FACE's validation part and
landmark error, on clean pictures and on spoilt ones, at one strength of each corruption. Each
finished run is a row of OUT/runs.csv, and is not run again. What was trained --train-only, on a
GPU, is measured by the command without it, on any machine to which OUT was copied: measuring is
work for processors.
"""

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

from run_cells import DONE, collect, finish, run_missing
from seed_gains import gains
from short_yunet import (
    BATCH,
    LONG_SIDE,
    ShortRun,
    default_lr,
    endless_loader,
    identity_of,
    require_budget,
    require_wider,
    same_scale,
    set_crops,
    shorten,
)

from mmeiou.config import read_config
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
RELEASED = "yunet-n_2xb16-640e_widerface.py"
ROBUST = "yunet-n_robust_2xb16-640e_widerface.py"
# The parts that were kept, by the types of their transforms there,
KEPT = {
    "interpolation": "mmeiou.Resize",
    "rotation": "mmeiou.RandomRotate",
    "pixels": "mmeiou.RandomCorruption",
}
# and what was not: faces from twice as large as released to 3/4; OpenCV's hue (of 180), saturation
# and value (of 255), by so much at most; a moving average.
CROPS = (0.25, 0.35, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 2.0)
HSV = {"type": "YOLOXHSVRandomAug", "hue_delta": 5, "saturation_delta": 30, "value_delta": 30}
EMA = {"type": "EMAHook", "ema_type": "ExpMomentumEMA", "update_buffers": True}
PARTS = ("crops", "interpolation", "rotation", "hsv", "pixels", "ema")
ARMS = {
    "base": (),
    "all": PARTS,
    "rotation": ("rotation",),
    "pixels": ("pixels",),
    "hsv": ("hsv",),
    "interpolation": ("interpolation",),
    "ema": ("ema",),
    "crops": ("crops",),
    "kept": tuple(KEPT),
}
# One strength of each corruption, at which the released YuNet_n has lost much and not all.
STRENGTHS = {
    "noise": 20,
    "gaussian_blur": 2,
    "motion_blur": 9,
    "jpeg": 10,
    "darkness": 0.12,
    "overexposure": 2,
    "low_contrast": 0.25,
    "grey": 1,
    "downscale": 3,
    "rotation": 30,
}
TRAINED = "train.json"
MEASURES = ("hard", "spoilt_hard", "rotation_hard", "nme", "spoilt_nme", "spoilt_found")


def pipeline_of(parts: Collection[str]) -> list[Any]:
    """The released training pipeline with parts put in, before images are packed."""
    *steps, pack = read_config(RELEASED).train_pipeline
    kept = {
        part: [step for step in read_config(ROBUST).train_pipeline if step.type == name]
        for part, name in KEPT.items()
    }
    if "crops" in parts:
        steps[2].crop_choice = CROPS
    if "interpolation" in parts:
        steps[3:4] = kept["interpolation"]
    if "rotation" in parts:
        steps += kept["rotation"]
    if "hsv" in parts:
        steps.append(HSV)
    if "pixels" in parts:
        steps += kept["pixels"]
    return [*steps, pack]


def config(cell: ShortRun, data: Path, folder: Path, workers: int) -> Any:
    """The recipe of an arm, on so many steps."""
    cfg = read_config(RELEASED)
    loader = cfg.train_dataloader
    loader.dataset.pipeline = pipeline_of(ARMS[cell.arm])
    pipeline = loader.dataset.pipeline
    set_crops(pipeline, cell.side, same_scale(pipeline[2].crop_choice, cell.side))
    loader.update(endless_loader(workers))
    loader.dataset.data_root = f"{data}/"
    if "ema" in ARMS[cell.arm]:
        # An average over the last tenth or so; over thousands of steps it would be of the first.
        of_last = {"momentum": min(10 / cell.iters, 0.5), "gamma": max(cell.iters / 10, 1)}
        cfg.custom_hooks = [EMA | of_last]
    for part in ("val", "test"):
        for key in ("dataloader", "evaluator", "cfg"):
            cfg.pop(f"{part}_{key}", None)
    for hook in ("resume_validation", "visualization"):
        cfg.default_hooks.pop(hook, None)
    shorten(cfg, cell, folder)
    return cfg


def run_cell(cell: ShortRun, args: argparse.Namespace) -> None:
    """Train, unless that is done, and measure, unless that is not asked for; ``run.json``."""
    from mmeiou.cli import select_device  # noqa: PLC0415

    select_device(args.device)
    folder = (args.out / cell.key()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / TRAINED).exists():
        train(cell, args, folder)
    if args.train_only:
        return
    start = time.perf_counter()
    measures = evaluate(folder / f"iter_{cell.iters}.pth", args)
    row = {
        **asdict(cell),
        "init": identity_of(cell.init),
        "options": " ".join(cell.options),
        **measures,
        **json.loads((folder / TRAINED).read_text()),
        "every": args.every,
        "evaluation_seconds": round(time.perf_counter() - start, 1),
    }
    with replacing(folder / DONE) as unfinished:
        unfinished.write_text(json.dumps(row, indent=1) + "\n")


def train(cell: ShortRun, args: argparse.Namespace, folder: Path) -> None:
    """Leave a checkpoint, and in ``train.json`` how and how fast it was made."""
    import torch  # noqa: PLC0415 - after the device is chosen
    from mmengine.runner import Runner  # noqa: PLC0415

    runner = Runner.from_cfg(config(cell, args.data.absolute(), folder, args.workers))
    start = time.perf_counter()
    runner.train()
    how = {
        "images_per_second": round(cell.iters * BATCH / (time.perf_counter() - start), 1),
        "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        "torch": torch.__version__,
    }
    with replacing(folder / TRAINED) as unfinished:
        unfinished.write_text(json.dumps(how, indent=1) + "\n")


def evaluate(checkpoint: Path, args: argparse.Namespace) -> dict[str, float]:
    """AP of the subsets, landmark error, and AP hard and landmark error of each corruption.

    ``spoilt_hard`` and ``spoilt_nme`` are means over the corruptions; an error where no face was
    found does not enter.
    """
    sys.path.append(str(ROOT / "tools/analysis"))
    from landmark_error import read_folder  # noqa: PLC0415
    from opencv_client import SCORE_THR  # noqa: PLC0415
    from robustness import Sets, load  # noqa: PLC0415 - loads the MM stack

    from mmeiou.apis import FaceDetector  # noqa: PLC0415
    from mmeiou.evaluation.robustness import Condition, measure  # noqa: PLC0415
    from mmeiou.labels import read_labels  # noqa: PLC0415
    from mmeiou.labels.formats.wider_mat import SUBSETS  # noqa: PLC0415

    detector = FaceDetector(RELEASED, checkpoint, args.device, score_thr=SCORE_THR)
    truth = read_labels(args.data / "labelv2/val/gt", "wider_mat")
    wider = load(truth, args.data / "WIDER_val/images", LONG_SIDE, 1)
    helen = read_folder(args.landmarks)
    sets = Sets(wider, load(helen.labels, helen.images, LONG_SIDE, 1))
    clean = Condition("none", 0)
    (quality,) = measure([detector], sets.wider, clean, SUBSETS)
    (points,) = measure([detector], sets.landmarks, clean)
    found = {**quality.ap, "found": points.found, "nme": points.nme}
    spoilt: dict[str, dict[str, float]] = defaultdict(dict)
    for kind, strength in STRENGTHS.items():
        condition = Condition(kind, strength)
        (quality,) = measure([detector], sets.wider[:: args.every], condition, SUBSETS)
        (points,) = measure([detector], sets.landmarks[:: args.every], condition)
        spoilt["hard"][kind] = quality.ap["hard"]
        spoilt["found"][kind] = points.found
        spoilt["nme"][kind] = points.nme
    for name, of in spoilt.items():
        usable = [value for value in of.values() if value == value]  # noqa: PLR0124 - NaN is not
        found[f"spoilt_{name}"] = statistics.mean(usable) if usable else float("nan")
    for kind in STRENGTHS:
        found |= {f"{kind}_{name}": of[kind] for name, of in spoilt.items() if name != "found"}
    return {name: round(value, 5) for name, value in found.items()}


def summary(rows: list[dict[str, str]]) -> str:
    """Means and deviations of each arm, and what it brings against none, seed by seed."""
    return gains(rows, "arm", tuple(ARMS), "base", MEASURES)


def said(row: dict[str, Any]) -> str:
    """What to print of a run."""
    return ", ".join(f"{name} {row[name]:.4f}" for name in MEASURES if name in row) or "trained"


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", type=Path, metavar="WIDERFACE", help="as shrink_widerface.py makes it")
    add("--landmarks", type=Path, metavar="FOLDER", help="images/, landmarks.csv; to measure")
    add("--init", default="", help="weights of YuNet_n to start from")
    add("--arms", nargs="+", choices=ARMS, default=tuple(ARMS))
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--iters", type=int, default=1500, help="steps of 16 images (1500)")
    add("--side", type=int, default=320, help="of a training crop (320)")
    add("--lr", type=float, help="default: 0.008, or 0.0003 with --init")
    add("--every", type=int, default=6, help="spoil every so many-th picture (6)")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--jobs", type=int, default=1, help="runs at a time")
    add("--workers", type=int, default=0, help="of a run, to load images (0)")
    add("--seconds", type=float, help="no run starts that would end later")
    add("--out", type=Path, default=ROOT / "work_dirs" / "robust_ablation")
    add("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    add("--train-only", action="store_true", help="leave the measuring to a later call")
    add("--cell", help=argparse.SUPPRESS)
    args = parser.parse_args()
    require_wider(args.data, parser)
    require_budget(args, parser)
    if not args.train_only:
        if args.landmarks is None:
            parser.error("--landmarks FOLDER, or --train-only")
        if not (landmarks := args.landmarks / "landmarks.csv").is_file():
            parser.error(f"{landmarks} not found")
    if args.every < 1:
        parser.error("--every must be at least 1")
    return args


def main() -> None:
    """Run what is missing, seed by seed, and print the table."""
    args = parse_args()
    if args.cell:
        values = json.loads(args.cell)
        run_cell(ShortRun(**{**values, "options": tuple(values["options"])}), args)
        return
    lr = args.lr or default_lr(args.init)
    cells = [
        ShortRun(arm, seed, args.side, args.iters, lr, args.init, tuple(args.cfg_options))
        for seed in args.seeds
        for arm in args.arms
    ]
    command = [sys.executable, __file__, str(args.data)]
    command += ["--landmarks", str(args.landmarks)] if args.landmarks else []
    command += ["--device", args.device, "--workers", str(args.workers), "--out", str(args.out)]
    command += ["--every", str(args.every), *["--train-only"] * args.train_only, "--cell"]
    problems = run_missing(
        {cell.key(): [*command, json.dumps(asdict(cell))] for cell in cells},
        args.out,
        args.jobs,
        args.seconds,
        said,
        (TRAINED if args.train_only else DONE,),
    )
    print(summary(collect(args.out)))
    finish(problems)


if __name__ == "__main__":
    main()
