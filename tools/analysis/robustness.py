"""What a face detector is worth on noisy, blurred, dark, compressed, turned ... pictures.

    python tools/analysis/robustness.py --wider data/widerface --landmarks helen_test --every 2 \
        --torch CONFIG CHECKPOINT YUNET.onnx --csv robustness.csv --figure robustness.png
    python tools/analysis/robustness.py --landmarks helen_test --sheet spoilt.jpg

AP, easy / medium / hard, on WIDER FACE's layout; share of found faces and landmark error by the
distance of the eyes on a folder as tools/analysis/landmark_error.py takes it. All pictures are
brought to a longer side of at most --side pixels first: strengths in pixels mean the same in all.
Each corruption at four strengths (mmeiou/corruptions/kinds.py), and the clean pictures first. What
is drawn follows from the names of the pictures: all detectors, in this run and in others, see the
same pixels. Each finished condition is in the table at once.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from landmark_error import read_folder, require_landmarks
from opencv_client import SCORE_THR
from robustness_table import draw, table
from short_names import model_names
from tqdm import tqdm

from mmeiou.apis import FaceDetector
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.media import write_image
from mmeiou.cli import message_of
from mmeiou.evaluation.robustness import (
    UNITS,
    Condition,
    Picture,
    all_conditions,
    measure,
    resized,
    spoilt,
)
from mmeiou.labels import LabelSet, read_labels
from mmeiou.labels.formats.wider_mat import SUBSETS
from mmeiou.visualization.sheet import contact_sheet, outline, require_format
from mmeiou.whole_files import replacing

GREEN = (80, 200, 0)


class Sets(NamedTuple):
    """The pictures to measure on, each kind empty where it is not asked for."""

    wider: list[Picture]
    landmarks: list[Picture]


def load(labels: LabelSet, folder: Path, side: int, every: int) -> list[Picture]:
    """The first picture, and every so many-th after it, with their labels, resized."""
    return [
        resized(Picture(load_image(folder / image.file), image), side)
        for image in tqdm(labels.images[::every], desc=f"read {folder}", unit="image")
    ]


def read_sets(args: argparse.Namespace) -> Sets:
    """Read what is asked for."""
    wider: list[Picture] = []
    landmarks: list[Picture] = []
    if args.wider:
        labels = read_labels(args.wider / "labelv2/val/gt", "wider_mat")
        wider = load(labels, args.wider / "WIDER_val/images", args.side, args.every)
    if args.landmarks:
        data = read_folder(args.landmarks)
        landmarks = load(data.labels, data.images, args.side, args.every)
    return Sets(wider, landmarks)


def rows_of(
    condition: Condition, names: list[str], detectors: list[FaceDetector], sets: Sets, side: int
) -> list[dict[str, Any]]:
    """A row for each detector."""
    rows = [
        {
            "model": name,
            "corruption": condition.corruption,
            "strength": f"{condition.strength:g}",
            "side": side,
            "wider_images": len(sets.wider),
            **dict.fromkeys(SUBSETS, ""),
            "landmark_images": len(sets.landmarks),
            "found": "",
            "nme": "",
        }
        for name in names
    ]
    if sets.wider:
        for row, quality in zip(
            rows, measure(detectors, sets.wider, condition, SUBSETS), strict=True
        ):
            row |= {subset: f"{ap:.4f}" for subset, ap in quality.ap.items()}
    if sets.landmarks:
        for row, quality in zip(rows, measure(detectors, sets.landmarks, condition), strict=True):
            row |= {"found": f"{quality.found:.4f}", "nme": f"{quality.nme:.5f}"}
    return rows


def write(rows: list[dict[str, Any]], file: Path) -> None:
    """All rows so far."""
    with replacing(file) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def shown(sets: Sets, conditions: list[Condition]) -> Iterator[tuple[Image, str]]:
    """A picture with its labelled boxes in every condition."""
    pictures = sets.landmarks or sets.wider
    for index, condition in enumerate(conditions):
        pixels, labels = spoilt(pictures[0], condition)
        image = pixels.copy()
        outline(image, labels.bboxes, GREEN, 2)
        for x, y, weight in labels.keypoints.reshape(-1, 3):
            if weight > 0:
                outline(image, np.array([[x - 1, y - 1, x + 1, y + 1]]), GREEN, 2)
        yield image, caption(condition) if index else "as it is"


def caption(condition: Condition) -> str:
    """What a condition is, in the width of a small picture: its unit would take all of it."""
    return f"{condition.corruption.replace('_', ' ')} {condition.strength:g}"


def units(conditions: list[Condition]) -> list[str]:
    """What the numbers of the captions count, a line each kind."""
    kinds = dict.fromkeys(one.corruption for one in conditions if UNITS[one.corruption])
    return [f"{kind.replace('_', ' ')}: {UNITS[kind]}" for kind in kinds]


def main() -> None:
    """Read, measure, write."""
    args = parse_args()
    conditions = [
        one
        for one in all_conditions()
        if args.corruptions is None or one.corruption in ("none", *args.corruptions)
    ]
    models = [*map(tuple, args.torch), *((file, None) for file in args.onnx)]
    try:
        if args.sheet:
            require_format(args.sheet)
        names = model_names(models)
        sets = read_sets(args)
        detectors = [
            FaceDetector(model, checkpoint, args.device, score_thr=SCORE_THR)
            for model, checkpoint in models
        ]
        if sets.landmarks:
            require_landmarks(names, detectors, sets.landmarks[0].labels.keypoints.shape[1])
        if args.sheet:
            write_image(args.sheet, contact_sheet(shown(sets, conditions), 4, args.sheet_side))
            print(f"{len(conditions)} conditions of a picture: {args.sheet}")
            print(*units(conditions), sep="\n")
        if not detectors:
            return
        rows: list[dict[str, Any]] = []
        for condition in tqdm(conditions, unit="condition"):
            rows += rows_of(condition, names, detectors, sets, args.side)
            if args.csv:
                write(rows, args.csv)
        print(table(rows))
        if args.figure:
            draw(rows, args.figure)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"\nerror: {message_of(error)}")


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = [kind for kind in UNITS if kind != "none"]
    add = parser.add_argument
    add("onnx", nargs="*", help="files that mmeiou.apis.FaceDetector takes")
    add("--torch", nargs=2, action="append", default=[], metavar=("CONFIG", "CHECKPOINT"))
    add("--wider", type=Path, metavar="FOLDER", help="of WIDER_val/images and labelv2/val/gt")
    add("--landmarks", type=Path, metavar="FOLDER", help="of images/ and landmarks.csv")
    add("--corruptions", nargs="+", choices=kinds, help="of these, and without; default: all")
    add("--side", type=int, default=640, help="longer side of a picture; 0: as it is (640)")
    add("--every", type=int, default=1, help="every so many-th picture (1)")
    add("--device", default="cpu", help="cpu, or cuda")
    add("--csv", type=Path, metavar="FILE", help="table to write")
    add("--figure", type=Path, metavar="FILE", help="curves to write")
    add("--sheet", type=Path, metavar="FILE", help="a picture in every condition, to write")
    add("--sheet-side", type=int, default=320, help="of a picture there (320)")
    args = parser.parse_args()
    if not (args.wider or args.landmarks):
        parser.error("give --wider or --landmarks, or both")
    if not (args.onnx or args.torch or args.sheet):
        parser.error("give at least one model, or --sheet")
    if args.side < 0 or args.every < 1 or args.sheet_side < 1:
        parser.error("--side must be at least 0, --every and --sheet-side at least 1")
    return args


if __name__ == "__main__":
    main()
