"""Test a checkpoint with the metric of a config."""

import argparse
from pathlib import Path
from typing import Any

from mmeiou.cli import add_run_arguments, load_config, one_line_errors
from mmeiou.config import require_tta


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file or address")
    parser.add_argument(
        "--out", metavar="FILE.pkl", help="also write all predictions, as MMDetection does"
    )
    parser.add_argument("--show-dir", help="draw the detections into this folder")
    parser.add_argument(
        "--tta", action="store_true", help="test-time augmentation: tta_model and tta_pipeline"
    )
    add_run_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Build the runner and test."""
    args = parse_args()
    with one_line_errors("test"):
        _test(args)


def _test(args: argparse.Namespace) -> None:
    if args.out and Path(args.out).suffix not in {".pkl", ".pickle"}:
        raise SystemExit(f"--out must end in .pkl or .pickle, got {args.out}")
    cfg = load_config(args)
    from mmeiou.engine.quiet_runner import QuietRunner  # noqa: PLC0415 - the device is chosen now

    cfg.load_from = args.checkpoint
    if args.tta:
        _augment(cfg)
    if args.show_dir:
        # Absolute, because MMDetection joins it to the work folder.
        folder = str(Path(args.show_dir).absolute())
        cfg.merge_from_dict(
            {
                "default_hooks.visualization.type": "mmeiou.DetVisualizationHook",
                "default_hooks.visualization.draw": True,
                "default_hooks.visualization.test_out_dir": folder,
            }
        )
    runner = QuietRunner.from_cfg(cfg)
    if args.out:
        from mmdet.evaluation import DumpDetResults  # noqa: PLC0415

        # First: predictions of hours outlive a metric that fails.
        runner.test_evaluator.metrics.insert(0, DumpDetResults(out_file_path=args.out))
    runner.test()


def _augment(cfg: Any) -> None:
    """Wrap the model, and let the pipeline make the views, as the config says."""
    require_tta(cfg)
    cfg.model = {**cfg.tta_model, "module": cfg.model}
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline


if __name__ == "__main__":
    main()
