"""Export a trained YuNet to ONNX, for OpenCV's FaceDetectorYN or ONNX Runtime.

python tools/export_onnx.py CONFIG CHECKPOINT --size 640 640 --out yunet.onnx

The file has the twelve outputs of OpenCV's contract, at one size, or at any with --dynamic; with
--with-nms it ends in faces instead. It is compared with the detector before it is written.
"""

import argparse
from pathlib import Path

from mmeiou.cli import add_cfg_options, message_of, select_device
from mmeiou.config import load_detector, read_config


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file or address")
    parser.add_argument(
        "--size", nargs=2, type=int, default=(640, 640), metavar=("W", "H"), help="of the input"
    )
    parser.add_argument("--out", required=True, type=Path, help="file to write")
    parser.add_argument("--dynamic", action="store_true", help="leave the input's size open")
    parser.add_argument("--with-nms", action="store_true", help="decode and suppress in the graph")
    parser.add_argument(
        "--strict", action="store_true", help="refuse a size that is no multiple of the stride"
    )
    add_cfg_options(parser, "model.test_cfg.score_thr=0.3 for --with-nms")
    return parser.parse_args()


def main() -> None:
    """Load, export, report."""
    args = parse_args()
    select_device("cpu")
    try:
        # The device is chosen now.
        from mmeiou.deploy.onnx_export import export_onnx, stride_of  # noqa: PLC0415

        if min(args.size) < 1:
            raise ValueError(f"--size {args.size[0]} {args.size[1]}: expected numbers of pixels")  # noqa: TRY301
        if args.out.is_dir():
            raise ValueError(f"--out {args.out} is a folder; name a file in it")  # noqa: TRY301
        model = load_detector(read_config(args.config, args.cfg_options), args.checkpoint)
        stride = stride_of(model)
        width, height = (-(-side // stride) * stride for side in args.size)
        if (width, height) != tuple(args.size):
            message = f"{args.size[0]} x {args.size[1]} is no multiple of {stride}"
            if args.strict:
                raise ValueError(f"{message}: write --size {width} {height}")  # noqa: TRY301
            print(f"{message}: rounded up to {width} x {height}")
        difference = export_onnx(
            model, args.out, (width, height), dynamic=args.dynamic, with_nms=args.with_nms
        )
    except (OSError, ImportError, ValueError, TypeError, RuntimeError) as error:
        raise SystemExit(f"export_onnx: {message_of(error)}") from error
    print(
        f"{args.out}: {args.out.stat().st_size / 1000:.0f} kB, input "
        f"{'of any size' if args.dynamic else f'{width} x {height}'}, largest difference from the "
        f"detector {difference:.1e}"
    )


if __name__ == "__main__":
    main()
