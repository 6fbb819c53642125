"""Weights of a checkpoint alone, without optimizer and log: to .safetensors, or from it to .pth.

python tools/convert_weights.py work_dirs/yunet/epoch_640.pth yunet.safetensors
python tools/convert_weights.py face_detection_yunet_2023mar.onnx yunet_s.pth --images PHOTOGRAPHS

A .safetensors can hold nothing but tensors and text; every tool that takes a checkpoint takes one.
The names of the classes are kept.

An ONNX file for OpenCV's FaceDetectorYN becomes a checkpoint to fine-tune from. Its batch norms are
folded into the convolutions: for training, they are given the statistics of some images of the
field of use, without labels. What the network finds stays the same.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

PTH, ONNX = ".pth", ".onnx"
MOST_IMAGES = 100
LEAST_SIDE = 32
NO_STATISTICS = (
    "its batch norms have no statistics: the checkpoint is for testing and exporting; to fine-tune "
    "from it, convert with --images FOLDER"
)


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", help="checkpoint file or address, or .onnx file")
    parser.add_argument("target", type=Path, help="file to write, .safetensors or .pth")
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help=f"for the batch norms of an .onnx; at most {MOST_IMAGES} are used, evenly spread",
    )
    return parser.parse_args()


def main() -> None:
    """Load, take what is needed, write."""
    args = parse_args()
    import torch  # noqa: PLC0415 - after --help

    from mmeiou.cli import message_of  # noqa: PLC0415
    from mmeiou.compat.safetensors_files import SUFFIX, write_safetensors  # noqa: PLC0415
    from mmeiou.functional.finite import require_finite  # noqa: PLC0415
    from mmeiou.whole_files import replacing  # noqa: PLC0415

    try:
        if args.target.suffix not in {SUFFIX, PTH}:
            raise ValueError(f"{args.target} ends in neither {SUFFIX} nor {PTH}")  # noqa: TRY301
        is_onnx = Path(args.source).suffix == ONNX
        if args.images and not is_onnx:
            raise ValueError(f"--images is for .onnx files, not for {args.source}")  # noqa: TRY301
        weights, meta = (_of_onnx if is_onnx else _of_checkpoint)(args)
        require_finite(weights)
        with replacing(args.target, flush=True) as unfinished:
            if args.target.suffix == SUFFIX:
                write_safetensors(unfinished, weights, meta)
            else:
                about = {"meta": {"dataset_meta": meta}} if meta else {}
                torch.save({"state_dict": dict(weights), **about}, unfinished)
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"convert_weights: {message_of(error)}") from error
    print(f"{args.target}: {len(weights)} tensors, {args.target.stat().st_size / 1000:.0f} kB")
    if is_onnx and not args.images:
        print(f"{args.source}: {NO_STATISTICS}", file=sys.stderr)


def _of_checkpoint(args: argparse.Namespace) -> tuple[dict[str, "Tensor"], Any]:
    from mmengine.runner import CheckpointLoader  # noqa: PLC0415

    from mmeiou.checkpoint_fit import dataset_meta_of, weights_of  # noqa: PLC0415

    checkpoint = CheckpointLoader.load_checkpoint(args.source, "cpu")
    return weights_of(checkpoint), dataset_meta_of(checkpoint)


def _of_onnx(args: argparse.Namespace) -> tuple[dict[str, "Tensor"], Any]:
    from mmeiou.apis.onnx_backend import OnnxBackend  # noqa: PLC0415
    from mmeiou.deploy.onnx_weights import detector_of, read_weights  # noqa: PLC0415
    from mmeiou.functional.norm_statistics import set_norm_statistics  # noqa: PLC0415

    weights = read_weights(args.source)
    detector = detector_of(weights)
    if args.images:
        set_norm_statistics(detector, _batches(args.images))
        weights = detector.state_dict()
    classes = OnnxBackend(args.source, "cpu").classes
    return weights, {"classes": classes} if classes else None


def _batches(folder: Path) -> Iterator["Tensor"]:
    """Images as a YuNet takes them, ``(1, 3, H, W)``; what is over a multiple of 32 is cut off."""
    import torch  # noqa: PLC0415
    from tqdm import tqdm  # noqa: PLC0415

    from mmeiou.apis.images import load_image  # noqa: PLC0415
    from mmeiou.labels.image_files import list_images  # noqa: PLC0415

    names = list_images(folder)
    count = min(len(names), MOST_IMAGES)
    for index in tqdm(range(count), unit="image", desc="statistics of the batch norms"):
        image = load_image(folder / names[index * len(names) // count])
        height, width = (side // LEAST_SIDE * LEAST_SIDE for side in image.shape[:2])
        if height and width:
            yield torch.from_numpy(image[:height, :width].transpose(2, 0, 1).copy())[None].float()


if __name__ == "__main__":
    main()
