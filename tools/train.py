"""Train a detector from a config."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mmeiou.cli import add_run_arguments, is_first_process, load_config, one_line_errors


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
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the checkpoints that an earlier run left in the work folder",
    )
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Build the runner and train."""
    args = parse_args()
    with one_line_errors("train"):
        _train(args)


def _train(args: argparse.Namespace) -> None:
    cfg = load_config(args)
    from mmeiou.engine.quiet_runner import QuietRunner  # noqa: PLC0415 - the device is chosen now
    from mmeiou.engine.stop_hook import train  # noqa: PLC0415

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
    _keep_safe(cfg)
    with ExitStack() as stack:
        if is_first_process(args.launcher):
            _take_folder(cfg, stack, overwrite=args.overwrite)
        train(QuietRunner.from_cfg(cfg))


def _keep_safe(cfg: Any) -> None:
    """Give runs of other configs, as of MMDetection's runtime, the hooks that lose nothing."""
    hooks = cfg.setdefault("default_hooks", {})
    checkpoint = hooks.setdefault("checkpoint", {"type": "CheckpointHook", "interval": 1})
    if checkpoint and checkpoint["type"] in {"CheckpointHook", "mmengine.CheckpointHook"}:
        checkpoint["type"] = "mmeiou.CheckpointHook"
    if checkpoint and checkpoint["type"] == "mmeiou.CheckpointHook":
        hooks.setdefault("stop", {"type": "mmeiou.StopHook"})
        hooks.setdefault("exact_resume", {"type": "mmeiou.ExactResumeHook"})
        hooks.setdefault("resume_validation", {"type": "mmeiou.ResumeValidationHook"})
    hooks.setdefault("nan_guard", {"type": "mmeiou.NaNGuardHook"})


def _take_folder(cfg: Any, stack: ExitStack, *, overwrite: bool) -> None:
    """Keep the work folder for this run, and what earlier ones saved in it."""
    from mmeiou.engine import work_dir  # noqa: PLC0415

    folder = Path(cfg.work_dir)
    resumed = (cfg.get("load_from") or "auto") if cfg.get("resume") else None
    try:
        if taken_over := stack.enter_context(work_dir.owned(folder)):
            print(taken_over, file=sys.stderr)
        if overwrite and not resumed:
            for path in work_dir.checkpoints(folder):
                path.unlink()
        work_dir.refuse_overwriting(folder, resumed)
    except work_dir.WorkDirError as error:
        raise SystemExit(str(error)) from error


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
