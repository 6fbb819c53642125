"""Does the box loss help a face detector? YuNet_n with six of them, many seeds, on real faces.

    python tools/dataset_converters/shrink_widerface.py data/widerface --out data/widerface_640
    python tools/experiments/yunet_losses.py data/widerface_640
    python tools/experiments/yunet_losses.py data/widerface_640 \
        --device cuda --jobs 6 --workers 2 --seconds 400

Every rung is the shipped YuNet_n with another box loss, an IoU branch or bfloat16, trained from
scratch for the same number of steps on crops of --side pixels. Rungs of a seed begin with the same
weights and see the same crops in the same order. SimOTA matches by the IoU in all of them. Measured
is AP by WIDER FACE's protocol on the validation part, in its own size: easy, medium and hard at an
IoU of 0.5, and hard at stricter ones, of the same detections. (Not mmeiou.CocoStrictMetric, which
sees 100 detections of an image; a few images here have hundreds of faces.) Each finished run is a
row of OUT/runs.csv, and is not run again.

The weights of the losses were fixed before the first run: that of EIoU is the shipped config's, the
others' give them as large a gradient as EIoU has (yunet_loss_gradients.py).
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from run_cells import DONE, collect, finish, run_missing
from seed_gains import gains
from short_yunet import (
    BATCH,
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
SHIPPED = "yunet-n_2xb16-640e_widerface.py"
BASE = "eiou"


class Rung(NamedTuple):
    """What is trained: a shipped config, with another box loss unless None, and other options."""

    config: str
    loss: dict[str, Any] | None = None
    options: tuple[str, ...] = ()


# yunet_loss_gradients.py data/widerface_640 yunet_n.pth printed, of 483 crops of 192 pixels:
#   rung                norm   of EIoU  equal at
#   eiou             0.05785     1.000      5.00
#   eiou-sot         0.06823     1.179      4.24
#   giou (at 1)      0.01277     0.221      4.53
#   ciou (at 1)      0.01222     0.211      4.73
#   iou (at 1)       0.01181     0.204      4.90
# EIoU with SOT keeps the 5 of its shipped config.
RUNGS = {
    BASE: Rung(SHIPPED),
    "eiou-sot": Rung("yunet-n_eiou-sot_2xb16-640e_widerface.py"),
    "eiou-iou-head": Rung("yunet-n_iou-head_2xb16-640e_widerface.py"),
    "giou": Rung(SHIPPED, {"type": "GIoULoss", "loss_weight": 4.5}),
    "ciou": Rung(SHIPPED, {"type": "CIoULoss", "loss_weight": 4.7}),
    "iou": Rung(SHIPPED, {"type": "IoULoss", "mode": "linear", "loss_weight": 4.9}),  # 1 - IoU
    # Not a loss: what --amp would do to EIoU on a CPU.
    "eiou-bfloat16": Rung(SHIPPED, options=("optim_wrapper.type=mmeiou.BFloat16OptimWrapper",)),
}
PERCENTS = (60, 70, 75, 80, 90)  # of IoU, beside 50
AT_50 = ("easy", "medium", "hard")
STRICTER = tuple(f"hard_{percent}" for percent in PERCENTS)
MEASURES = (*AT_50, *STRICTER)


def config(cell: ShortRun, data: Path, folder: Path, workers: int) -> Any:
    """The rung's config on small images, for so many steps."""
    rung = RUNGS[cell.arm]
    cfg = read_config(rung.config)
    if rung.loss is not None:
        cfg.model.bbox_head.loss_bbox = rung.loss
    train, test = cfg.train_dataloader, cfg.test_dataloader
    pipeline = train.dataset.pipeline
    set_crops(pipeline, cell.side, same_scale(pipeline[2].crop_choice, cell.side))
    train.update(endless_loader(workers))
    test.update(num_workers=workers, persistent_workers=workers > 0)
    for loader in (train, test):
        loader.dataset.data_root = f"{data}/"
    metric = {"type": "mmeiou.WIDERFaceMetric", "gt_dir": f"{data}/labelv2/val/gt"}
    stricter = ({"iou_thr": p / 100, "prefix": f"WIDERFace_{p}"} for p in PERCENTS)
    cfg.test_evaluator = [metric, *({**metric, **options} for options in stricter)]
    for key in ("val_dataloader", "val_evaluator", "val_cfg"):
        cfg.pop(key)
    for hook in ("resume_validation", "visualization"):
        cfg.default_hooks.pop(hook)
    shorten(cfg, replace(cell, options=(*rung.options, *cell.options)), folder)
    return cfg


def run_cell(cell: ShortRun, args: argparse.Namespace) -> None:
    """Train, test, write ``run.json``."""
    from mmeiou.cli import select_device  # noqa: PLC0415

    select_device(args.device)
    import torch  # noqa: PLC0415 - after the device is chosen
    from mmengine.runner import Runner  # noqa: PLC0415

    folder = (args.out / cell.key()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    data = args.data.absolute()
    runner = Runner.from_cfg(config(cell, data, folder, args.workers))
    base = replace(cell, arm=BASE)
    begin_alike(runner.model, config(base, data, folder, 0).model, cell.seed)
    start = time.perf_counter()
    runner.train()
    trained = time.perf_counter() - start
    start = time.perf_counter()
    metrics = runner.test()
    row = {
        **asdict(cell),
        "init": identity_of(cell.init),
        "options": " ".join(cell.options),
        **{name: round(metrics[_key(name)], 5) for name in MEASURES},
        "images_per_second": round(cell.iters * BATCH / trained, 1),
        "test_seconds": round(time.perf_counter() - start, 1),
        "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        "torch": torch.__version__,
    }
    with replacing(folder / DONE) as unfinished:
        unfinished.write_text(json.dumps(row, indent=1) + "\n")


def _key(measure: str) -> str:
    """Of the metrics."""
    subset, _, percent = measure.partition("_")
    return f"WIDERFace_{percent}/{subset}" if percent else f"WIDERFace/{subset}"


def begin_alike(model: Any, base: Any, seed: int) -> None:
    """Give a model the weights that the base begins with, and its other layers some by the seed."""
    import torch  # noqa: PLC0415
    from mmengine.registry import MODELS  # noqa: PLC0415

    torch.manual_seed(seed)
    first = MODELS.build(base)
    first.init_weights()
    torch.manual_seed(seed)
    model.init_weights()
    model.load_state_dict({**model.state_dict(), **first.state_dict()})


def summary(rows: list[dict[str, str]]) -> str:
    """Means and deviations of each rung, and what it brings against EIoU, seed by seed."""
    return gains(rows, "arm", tuple(RUNGS), BASE, AT_50, STRICTER)


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", type=Path, metavar="WIDERFACE", help="as shrink_widerface.py makes it")
    add("--init", default="", help="weights of YuNet_n to start from; not for the IoU branch")
    add("--rungs", nargs="+", choices=RUNGS, default=tuple(RUNGS))
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--iters", type=int, default=1500, help="steps of 16 images (1500)")
    add("--side", type=int, default=192, help="of a training crop (192)")
    add("--lr", type=float, help="default: 0.008, or 0.0003 with --init")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--jobs", type=int, default=1, help="runs at a time")
    add("--workers", type=int, default=0, help="of a run, to load images (0)")
    add("--seconds", type=float, help="no run starts that would end later")
    add("--out", type=Path, default=ROOT / "work_dirs" / "yunet_losses")
    add("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    add("--cell", help=argparse.SUPPRESS)
    args = parser.parse_args()
    require_wider(args.data, parser)
    require_budget(args, parser)
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
        ShortRun(rung, seed, args.side, args.iters, lr, args.init, tuple(args.cfg_options))
        for seed in args.seeds
        for rung in args.rungs
    ]
    command = [sys.executable, __file__, str(args.data), "--device", args.device]
    command += ["--workers", str(args.workers), "--out", str(args.out), "--cell"]
    problems = run_missing(
        {cell.key(): [*command, json.dumps(asdict(cell))] for cell in cells},
        args.out,
        args.jobs,
        args.seconds,
        lambda row: ", ".join(f"{name} {row[name]:.4f}" for name in MEASURES),
    )
    print(summary(collect(args.out)))
    finish(problems)


if __name__ == "__main__":
    main()
