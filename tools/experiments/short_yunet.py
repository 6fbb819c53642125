"""YuNet's configs made short: so many steps of 16 small images, evaluated afterwards."""

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmeiou.config import parse_cfg_options

BATCH = 16
STRIDE = 32  # the network's largest
FULL = 640  # pixels of a training crop, in the shipped configs,
ORIGINAL = 1024  # for images of that longer side,
LONG_SIDE = 640  # which is so small in what shrink_widerface.py makes


@dataclass(frozen=True)
class ShortRun:
    """One run.

    Attributes:
        arm: What is compared.
        seed: Of weights, order and samples.
        side: Of a training crop, pixels.
        iters: Steps of 16 images.
        lr: Largest learning rate.
        init: Weights to start from; empty for none.
        options: ``KEY=VALUE`` changes of the config.
    """

    arm: str
    seed: int
    side: int
    iters: int
    lr: float
    init: str
    options: tuple[str, ...]

    def key(self) -> str:
        """Name of the run and of its folder."""
        return f"{self.arm}_seed{self.seed}_{budget_hash(self)}"


def require_wider(data: Path, parser: argparse.ArgumentParser) -> None:
    """Exit with the name of what a small WIDER FACE lacks."""
    for name in ("train/labelv2.txt", "val/labelv2.txt", "val/gt"):
        if not (file := data / "labelv2" / name).exists():
            parser.error(f"{file} not found: tools/dataset_converters/shrink_widerface.py makes it")


def require_budget(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Exit with what is out of range of ``side``, ``iters``, ``jobs`` and ``init``."""
    if args.side < STRIDE or args.side % STRIDE:
        parser.error(f"--side {args.side}: expected a multiple of {STRIDE}")
    if args.iters < 2 or args.jobs < 1:  # noqa: PLR2004 - one to warm up, and another
        parser.error("--iters must be at least 2, --jobs at least 1")
    if args.init and not Path(args.init).is_file():
        parser.error(f"--init {args.init} not found")


def budget_hash(run: ShortRun, *more: str) -> str:
    """Of what runs have in common that differ in their arm and seed; ``more`` is such, too."""
    what = json.dumps([run.side, run.iters, run.lr, identity_of(run.init), run.options, *more])
    return hashlib.sha256(what.encode()).hexdigest()[:8]


def identity_of(file: str) -> str:
    """Name of a file of weights, and what tells it from others of that name; empty for none."""
    if not file:
        return ""
    path = Path(file)
    return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


def default_lr(init: str) -> float:
    """Of AdamW: to begin with nothing, or to go on with trained weights."""
    return 3e-4 if init else 8e-3


def set_crops(pipeline: Any, side: int, choices: list[float]) -> None:
    """Crops of ``choices`` times the shorter side of the image, brought to ``side`` pixels."""
    pipeline[2].crop_choice = choices
    pipeline[3].scale = (side, side)


def same_scale(choices: list[float], side: int) -> list[float]:
    """The config's crops for small images.

    Against the images that are tested, faces keep the scale that they have in the config.
    """
    scale = side / FULL * ORIGINAL / LONG_SIDE
    return [choice * scale for choice in choices]


def endless_loader(workers: int) -> dict[str, Any]:
    """Options of a training's loader, which knows steps, not epochs."""
    return {
        "batch_size": BATCH,
        "num_workers": workers,
        "persistent_workers": workers > 0,
        "sampler": {"type": "InfiniteSampler", "shuffle": True},
    }


def shorten(cfg: Any, run: ShortRun, folder: Path) -> None:
    """Change the schedule of a config of YuNet, and last by the run's options.

    Args:
        cfg: Changed in place. Its loaders, crops and evaluators are the caller's.
        run: The run.
        folder: For logs and the checkpoint, ``iter_{run.iters}.pth``.
    """
    if not run.init:
        cfg.model.bbox_head.prior_prob = 0.01  # as in the config for short schedules
    cfg.train_cfg = {
        "type": "IterBasedTrainLoop",
        "max_iters": run.iters,
        "val_interval": run.iters + 1,  # never
    }
    optimizer = {"type": "AdamW", "lr": run.lr, "weight_decay": 0.01}
    cfg.optim_wrapper = {"type": "OptimWrapper", "optimizer": optimizer}
    warm_up = max(min(60, run.iters // 5), 1)
    cfg.param_scheduler = [
        {"type": "LinearLR", "start_factor": 0.01, "by_epoch": False, "begin": 0, "end": warm_up},
        {"type": "CosineAnnealingLR", "by_epoch": False, "begin": warm_up, "end": run.iters},
    ]
    cfg.default_hooks.checkpoint = {
        "type": "mmeiou.CheckpointHook",
        "by_epoch": False,
        "interval": run.iters,
    }
    cfg.log_processor = {"type": "LogProcessor", "by_epoch": False}
    cfg.randomness = {"seed": run.seed}
    cfg.load_from = run.init or None
    cfg.work_dir, cfg.experiment_name = str(folder), run.key()
    cfg.merge_from_dict(parse_cfg_options(run.options))
