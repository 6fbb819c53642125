"""Quantize an exported YuNet to eight-bit integers, by a folder of images from its field of use.

python tools/quantize_onnx.py yunet.onnx IMAGES --out yunet_int8.onnx

The input is a float file of tools/export_onnx.py (without --with-nms) or one of the authors'. Parts
that are faster in float stay so, and further parts until the detector's proposals on the images are
near enough to those of the float file; every trial is printed. Labels are not needed.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmeiou.apis import ImageError
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.apis.views import Size, make_views
from mmeiou.cli import message_of
from mmeiou.labels.image_files import list_images
from mmeiou.whole_files import replacing


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="float .onnx file")
    parser.add_argument("images", type=Path, help="folder, searched for images")
    parser.add_argument("--out", required=True, type=Path, help="file to write")
    parser.add_argument(
        "--size",
        nargs=2,
        type=int,
        default=(640, 640),
        metavar=("W", "H"),
        help="that images are shown at, where the file's is open",
    )
    parser.add_argument("--most", type=int, default=40, help="images, evenly spread")
    parser.add_argument(
        "--max-error",
        type=float,
        default=0.15,
        help="of scores and boxes together, see docs/deploy.md",
    )
    parser.add_argument(
        "--max-landmark-error",
        type=float,
        default=0.02,
        help="how far landmarks move, of the face's size, see docs/deploy.md",
    )
    args = parser.parse_args()
    if args.most < 2:  # noqa: PLR2004 - one to calibrate with, one to measure on
        parser.error(f"--most {args.most}: expected at least 2")
    if min(args.max_error, args.max_landmark_error) < 0:
        parser.error("--max-error and --max-landmark-error must not be negative")
    return args


def multiples(size: Sequence[int], divisor: int) -> Size:
    """Width and height, if they are what the network takes.

    Raises:
        ValueError: If they are not.
    """
    width, height = size
    if width <= 0 or height <= 0 or width % divisor or height % divisor:
        raise ValueError(f"--size {width} {height}: must be positive multiples of {divisor}")
    return width, height


def read_images(folder: Path, most: int, size: Size) -> list[Image]:
    """Some of a folder's images, shrunk into the network's input.

    Raises:
        ImageError: If there are none, or one cannot be read.
    """
    paths = [folder / name for name in list_images(folder)]
    chosen = np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int)
    images = (load_image(paths[index]) for index in chosen)
    return [next(make_views(image, (1.0,), None, size)).pixels for image in images]


def main() -> None:
    """Read, choose, write."""
    args = parse_args()
    logging.getLogger().setLevel(logging.ERROR)  # the quantizer advises on the root logger
    try:
        import onnx  # noqa: PLC0415 - may be missing

        from mmeiou.deploy.int8.mixed_precision import (  # noqa: PLC0415
            Budget,
            MixedPrecisionQuantizer,
            search,
        )

        backend = OnnxBackend(args.model, "cpu")
        size = backend.fixed_size or multiples(args.size, backend.divisor)
        images = read_images(args.images, args.most, size)
        quantizer = MixedPrecisionQuantizer(onnx.load(args.model), images, size)
        budget = Budget(args.max_error, args.max_landmark_error)
        with replacing(args.out) as unfinished:  # around the search: it fails before, if it does
            chosen = search(quantizer, budget, lambda line: print(line, flush=True))
            unfinished.write_bytes(chosen.model.SerializeToString())
    except (OSError, ImportError, ValueError, ImageError) as error:
        raise SystemExit(f"error: {message_of(error)}") from error
    print(f"{args.out}: {chosen}")
    if budget.used(chosen) > 1:
        print(
            f"warning: no mixed precision came below errors of {budget.error}, of landmarks "
            f"{budget.landmark_error}"
        )


if __name__ == "__main__":
    main()
