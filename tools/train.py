"""Train a detector from a config."""

import argparse
from typing import Any

from mmeiou.cli import add_run_arguments, load_config


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument(
        "--amp",
        action="store_true",
        help="mixed precision: float16 on a GPU, bfloat16 on a CPU that computes in it",
    )
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the batch size"
    )
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="resume from this checkpoint, or from the latest in the work folder",
    )
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Build the runner and train."""
    args = parse_args()
    cfg = load_config(args)
    from mmengine.runner import Runner  # noqa: PLC0415 - after the device is chosen

    if args.amp:
        _mix_precision(cfg.optim_wrapper)
    if args.auto_scale_lr:
        if "base_batch_size" not in (cfg.get("auto_scale_lr") or {}):
            raise SystemExit(
                "--auto-scale-lr: the config has no auto_scale_lr.base_batch_size to scale from"
            )
        cfg.auto_scale_lr.enable = True
    if args.resume:
        cfg.resume = True
        cfg.load_from = None if args.resume == "auto" else args.resume
    Runner.from_cfg(cfg).train()


def _mix_precision(optim_wrapper: Any) -> None:
    """float16 on a GPU; bfloat16 on the CPU, where MMEngine's wrapper does not go."""
    from mmengine.device import get_device  # noqa: PLC0415

    if get_device() == "cpu":
        optim_wrapper.type = "mmeiou.BFloat16OptimWrapper"
    else:
        optim_wrapper.type = "AmpOptimWrapper"
        optim_wrapper.setdefault("loss_scale", "dynamic")


if __name__ == "__main__":
    main()
