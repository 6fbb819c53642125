"""Convert labels to the COCO-keypoints json that mmeiou.CocoKeypointDataset reads.

python tools/dataset_converters/convert.py FORMAT LABELS --images IMAGES --out train.json

Without problems in any line there is a file, with problems a list of them. `FORMAT --help` tells
the options; docs/custom_dataset.md tells the formats and goes on to a trained detector.
"""

import argparse
from pathlib import Path
from typing import Any

import label_output
from label_report import describe

from mmeiou.labels import LabelError, Source, read_labels
from mmeiou.labels.errors import Problems
from mmeiou.labels.formats import coco, csv, labelme, pts, voc, yolo
from mmeiou.labels.image_list import ImageList
from mmeiou.labels.landmarks import landmark_names
from mmeiou.labels.read import FORMATS as LABEL_FORMATS

FORMATS = {
    "coco": coco,
    "yolo": yolo,
    "voc": voc,
    "csv": csv,
    "labelme": labelme,
    "pts": pts,
}
ONE_BASED = {"voc": "Pascal's own data", "pts": "300-W's own files"}


def main() -> None:
    """Read, check, write."""
    args = _parse_args()
    try:
        _check_paths(args)
        paths = label_output.outputs(args.out, args.val_fraction, force=args.force)
        source = Source(
            args.labels,
            args.images,
            Problems(drop_bad_boxes=args.drop_bad_boxes),
            classes=tuple(args.classes),
            landmarks=tuple(args.landmarks),
            below=args.below,
            listed=ImageList(args.list) if args.list else None,
            remedy="correct it, or convert with --drop-bad-boxes",
        )
        labels = read_labels(source, args.format, **_options(args, source))
        if not any(len(image) for image in labels.images):
            raise LabelError("no box in it that is wanted", str(args.labels))  # noqa: TRY301
        parts = label_output.write(labels, paths, args.val_fraction, args.seed)
    except (LabelError, OSError) as error:
        raise SystemExit(f"convert {args.format}: nothing written: {error}") from error
    print(describe(labels, source.problems.counted))
    print("\n".join(label_output.result(labels, parts, paths, args.images)))


def _options(args: argparse.Namespace, source: Source) -> dict[str, Any]:
    if args.format in ONE_BASED:
        return {"one_based": args.one_based}
    if args.format == "yolo":
        if args.data:
            return {"names": yolo.names_from_yaml(args.data)}
        source.landmarks = source.landmarks or landmark_names(args.num_landmarks)
    return {}


def _check_paths(args: argparse.Namespace) -> None:
    for name, path in (("LABELS", args.labels), ("--images", args.images)):
        if not path.exists():
            raise LabelError(f"{name} {path.absolute()} does not exist")
    if args.format in ("coco", "csv") and not args.labels.is_file():
        raise LabelError(f"LABELS {args.labels} is a folder; expected a file")
    if args.format == "yolo" and not args.labels.is_dir():
        raise LabelError(f"LABELS {args.labels} is no folder; expected that of the txt files")
    if not args.images.is_dir():
        raise LabelError(f"--images {args.images} is no folder")


def _parse_args() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    commands = parser.add_subparsers(dest="format", required=True, metavar="FORMAT")
    for name, module in FORMATS.items():
        summary = LABEL_FORMATS[name][1]
        command = commands.add_parser(
            name, help=summary, description=module.__doc__, formatter_class=raw
        )
        _add_common(command)
        if name == "yolo":
            command.add_argument("--data", type=Path, help="data.yaml with the names")
            command.add_argument(
                "--num-landmarks", type=int, default=0, help="of each box, without --data (0)"
            )
        if name in ONE_BASED:
            command.add_argument(
                "--one-based", action="store_true", help=f"pixels count from 1: {ONE_BASED[name]}"
            )
    args = parser.parse_args()
    for name in ("seed", "num_landmarks"):
        if getattr(args, name, 0) < 0:
            parser.error(f"--{name.replace('_', '-')}: expected 0 or more")
    if not 0 <= args.val_fraction < 1:
        parser.error(f"--val-fraction {args.val_fraction}: expected at least 0 and below 1")
    return args


def _add_common(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("labels", type=Path, metavar="LABELS", help="file or folder")
    add("--images", type=Path, required=True, help="folder that the paths of images start from")
    add("--out", type=Path, required=True, metavar="FILE", help="json to write")
    add("--val-fraction", type=float, default=0, help="part of the images for val.json beside it")
    add("--seed", type=int, default=0, help="of that choice (0)")
    add("--classes", nargs="+", default=[], help="names of the classes wanted, in their order")
    add("--landmarks", nargs="+", default=[], help="names of the landmarks, in their order")
    add("--below", default="", metavar="FOLDER", help="only images in this folder of IMAGES")
    add("--list", type=Path, metavar="FILE", help="only images that this file lists, one a line")
    add("--drop-bad-boxes", action="store_true", help="leave out, and count, unusable boxes")
    add("--force", action="store_true", help="replace an existing file")


if __name__ == "__main__":
    main()
