"""Convert an exported YuNet for another runtime than ONNX Runtime and OpenCV.

python tools/convert_onnx.py yunet.onnx --out yunet.xml

The suffix of --out says the runtime: .xml is OpenVINO's, .tflite LiteRT's, .param ncnn's. The input
is a file of tools/export_onnx.py (without --with-nms), for OpenVINO also of tools/quantize_onnx.py.
The new file is run and compared with the old one in ONNX Runtime before it is written.
"""

import argparse
from pathlib import Path

from mmeiou.cli import message_of


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help=".onnx file")
    parser.add_argument("--out", required=True, type=Path, help="file to write")
    parser.add_argument("--half", action="store_true", help="store the weights in 16 bits")
    parser.add_argument(
        "--size",
        nargs=2,
        type=int,
        metavar=("W", "H"),
        help="of a .tflite file's input, where the input is of any size; by default 640 640",
    )
    return parser.parse_args()


def main() -> None:
    """Convert, report."""
    args = parse_args()
    size = tuple(args.size) if args.size else None
    try:
        from mmeiou.deploy.conversion.convert import convert  # noqa: PLC0415 - onnx may be missing

        difference = convert(args.model, args.out, half=args.half, size=size)
    except (OSError, ImportError, ValueError, RuntimeError) as error:
        raise SystemExit(f"error: {message_of(error)}") from error
    print(f"{args.out}: largest difference from {args.model} in ONNX Runtime {difference:.1e}")


if __name__ == "__main__":
    main()
