"""Export a trained YuNet_s to libfacedetection, the authors' C++ library.

python tools/export_cpp.py CONFIG CHECKPOINT --out facedetectcnn-data.cpp

The file replaces src/facedetectcnn-data.cpp of the library, which then has these weights.
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
    parser.add_argument("--out", required=True, type=Path, help="file to write")
    add_cfg_options(parser, "model.bbox_head.shared_stacked_convs=0")
    return parser.parse_args()


def main() -> None:
    """Load, export, report."""
    args = parse_args()
    select_device("cpu")
    try:
        from mmeiou.deploy.cpp_data import export_cpp  # noqa: PLC0415 - the device is chosen now

        if args.out.is_dir():
            raise ValueError(f"--out {args.out} is a folder; name a file in it")  # noqa: TRY301
        model = load_detector(read_config(args.config, args.cfg_options), args.checkpoint)
        written = export_cpp(model, args.out)
    except (OSError, ImportError, ValueError, TypeError, RuntimeError) as error:
        raise SystemExit(f"export_cpp: {message_of(error)}") from error
    numbers = sum(each.weight.size + each.bias.size for each in written)
    print(
        f"{args.out}: {args.out.stat().st_size / 1000:.0f} kB, {len(written)} convolutions, "
        f"{numbers} numbers"
    )


if __name__ == "__main__":
    main()
