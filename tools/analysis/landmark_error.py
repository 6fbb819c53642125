"""Landmark error of face detectors on labelled faces, as a Markdown table.

python tools/analysis/landmark_error.py --data FOLDER --torch CONFIG CHECKPOINT YUNET.onnx \
    --scrfd SCRFD.onnx --side 0 640

FOLDER has images/ and landmarks.csv, in the columns of mmeiou.labels.formats.csv. A face's five
landmarks, by the names of mmeiou.labels.landmarks, may have their columns in any order; columns of
other names are in the detector's. A column outer_eye_distance, if there is one, is the unit of the
errors, else the distance of the first two landmarks is.

Not every face of a picture has to be labelled: detections of others do not count. Errors are those
of the faces found, by a score of at least --score-thr and an IoU of at least 0.5.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from releases import release_of
from scrfd import SCRFD
from short_names import model_names
from tqdm import tqdm

from mmeiou.apis import FaceDetector, Faces
from mmeiou.apis.images import Image, load_image
from mmeiou.cli import message_of
from mmeiou.evaluation.landmark_error import (
    LandmarkErrors,
    LandmarkImage,
    NormalisedErrors,
    landmark_errors,
)
from mmeiou.labels import LabelError, LabelSet, Source, read_labels
from mmeiou.labels.errors import at, placing
from mmeiou.labels.formats.csv import rows_of
from mmeiou.labels.landmarks import FACE_LANDMARKS, flip_pairs_by_name
from mmeiou.labels.text_files import read_text
from mmeiou.labels.values import written_number
from mmeiou.visualization.sheet import shrink
from mmeiou.whole_files import replacing

sys.path.append(str(Path(__file__).resolve().parents[1]))
from markdown_sections import replace_section

LABELS, IMAGES, UNIT = "landmarks.csv", "images", "outer_eye_distance"
SCORE_THR, THRESHOLD = 0.3, 0.1
PROBE = 64  # side of a picture that only asks for the number of landmarks

Detect = Callable[[Image], Faces]


class Labelled(NamedTuple):
    """The faces of a folder.

    Attributes:
        images: Folder of the images.
        labels: Of each image.
        units: Lengths of the faces of each image; None where the folder has none.
    """

    images: Path
    labels: LabelSet
    units: list[list[float]] | None


def read_folder(folder: Path) -> Labelled:
    """Read labels and units.

    Raises:
        FileNotFoundError: If there is no such file.
        LabelError: If it cannot be used, or has no landmarks.
    """
    file = folder / LABELS
    labels = in_order(read_labels(Source(file, folder / IMAGES), "csv"))
    if len(labels.landmarks) < 2:  # noqa: PLR2004 - a distance takes two
        raise LabelError("expected the columns of two or more landmarks", str(file))
    units = read_units(file)
    if units is None:
        return Labelled(folder / IMAGES, labels, None)
    # The reader of labels takes paths and columns of more kinds.
    if {name: len(of) for name, of in units.items()} != {
        image.file: len(image) for image in labels.images
    }:
        raise LabelError(f"{UNIT}: expected a face in each row, its path in 'image'", str(file))
    return Labelled(folder / IMAGES, labels, [units[image.file] for image in labels.images])


def in_order(labels: LabelSet) -> LabelSet:
    """A face's five landmarks as detectors give them; others stay as they are."""
    if set(labels.landmarks) != set(FACE_LANDMARKS):
        return labels
    order = [labels.landmarks.index(name) for name in FACE_LANDMARKS]
    images = [replace(image, keypoints=image.keypoints[:, order]) for image in labels.images]
    pairs = flip_pairs_by_name(FACE_LANDMARKS)
    return replace(labels, images=images, landmarks=FACE_LANDMARKS, flip_pairs=pairs)


def read_units(file: Path) -> dict[str, list[float]] | None:
    """Lengths of the faces of each image; None without such a column.

    Raises:
        LabelError: If one is no number; names file and line.
    """
    units: dict[str, list[float]] = {}
    reader = rows_of(read_text(file), file)
    if UNIT not in (reader.fieldnames or ()):
        return None
    for row in reader:
        with placing(at(file, reader.line_num)):
            length = written_number(row[UNIT], UNIT)
        units.setdefault(row.get("image", ""), []).append(length)
    return units


def require_landmarks(names: Sequence[str], detectors: Sequence[Detect], count: int) -> None:
    """All detectors give as many landmarks as are labelled.

    Raises:
        ValueError: Naming the first that does not.
    """
    for name, detect in zip(names, detectors, strict=True):
        given = detect(np.zeros((PROBE, PROBE, 3), np.uint8)).landmarks.shape[1]
        if given != count:
            raise ValueError(
                f"{name} gives {given or 'no'} landmarks, but the labelled faces have {count}: "
                "leave it out, or take a model of as many"
            )


def resized(image: Image, side: int) -> Image:
    """The image with a longer side of ``side`` pixels; 0 leaves it as it is."""
    factor = side / max(image.shape[:2])
    if factor <= 1:
        return shrink(image, side)[0] if side else image
    size = [round(length * factor) for length in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def measure(
    detectors: Sequence[Detect], sides: Sequence[int], data: Labelled, score_thr: float
) -> list[LandmarkErrors]:
    """Errors of each detector at each side, the sides of one detector beside each other."""
    found: list[list[LandmarkImage]] = [[] for _ in detectors for _ in sides]
    for labels in tqdm(data.labels.images, unit="image"):
        image = load_image(data.images / labels.file)
        views = [resized(image, side) for side in sides]
        shown = ((detect, view) for detect in detectors for view in views)
        for images, (detect, view) in zip(found, shown, strict=True):
            faces = detect(view)
            scale = np.array(image.shape[1::-1]) / view.shape[1::-1]
            images.append(
                LandmarkImage(
                    faces.boxes.astype(np.float64) * np.tile(scale, 2),
                    faces.scores.astype(np.float64),
                    faces.landmarks.astype(np.float64) * scale,
                    labels.bboxes,
                    labels.keypoints,
                    labels.ignore,
                )
            )
    return [landmark_errors(images, score_thr) for images in found]


def table(
    names: Sequence[tuple[str, int]], errors: Sequence[LandmarkErrors], data: Labelled
) -> list[str]:
    """The table of models and sides, all errors in percent."""
    points = [name.replace("_", " ") for name in data.labels.landmarks]
    units = ["outer eyes"] if data.units else []
    columns = ["longer side", "found", *units, "eyes", "box", *points, "above 10 %", "AUC"]
    lines = [f"| model | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for (name, side), one in zip(names, errors, strict=True):
        by_eyes, by_box = one.by_points(0, 1), one.by_box()
        by_unit = relative(one, data)
        means = [*([by_unit.nme] if data.units else []), by_eyes.nme, by_box.nme]
        percents = [*means, *by_unit.of_points, by_unit.failure_rate(THRESHOLD)]
        cells = " | ".join(f"{100 * value:.2f}" for value in percents)
        lines.append(
            f"| {name} | {side or 'as it is'} | {one.found:.3f} | {cells} "
            f"| {by_unit.auc(THRESHOLD):.3f} |"
        )
    return lines


def relative(errors: LandmarkErrors, data: Labelled) -> NormalisedErrors:
    """Errors by the unit of the folder, or the distance of the first two landmarks."""
    return errors.by_points(0, 1) if data.units is None else errors.by(_lengths(errors, data.units))


def _lengths(errors: LandmarkErrors, units: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    places = zip(errors.image.tolist(), errors.face.tolist(), strict=True)
    return np.array([units[image][face] for image, face in places])


def footnote(data: Labelled, score_thr: float) -> str:
    """What was measured, and by which versions."""
    faces = sum(len(image) for image in data.labels.images)
    unit = "the distance of the outer eye corners" if data.units else "that of the eyes"
    return (
        f"{faces} faces in {len(data.labels)} images. Errors in percent: the mean by each unit of "
        f"length, each landmark's, and the share of faces above 10 %, by {unit}; AUC up to 10 %, "
        f"1 for perfect landmarks. Faces found by a score of {score_thr} and an IoU of 0.5. "
        f"PyTorch {torch.__version__}, ONNX Runtime {release_of('onnxruntime')}."
    )


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("onnx", nargs="*", help="files that mmeiou.apis.FaceDetector takes")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--torch", nargs=2, action="append", default=[], metavar=("CONFIG", "CHECKPOINT")
    )
    parser.add_argument("--scrfd", action="append", default=[], metavar="FILE", help="of SCRFD")
    parser.add_argument(
        "--side",
        nargs="+",
        type=int,
        default=[0],
        help="longer sides in pixels to bring the images to; 0, the default, is as they are",
    )
    parser.add_argument("--score-thr", type=float, default=SCORE_THR)
    parser.add_argument("--page", type=Path, help="a page with a section 'landmarks'")
    args = parser.parse_args()
    if not (args.onnx or args.torch or args.scrfd):
        parser.error("give at least one model")
    if min(args.side) < 0:
        parser.error(f"--side {min(args.side)}: expected 0 or more")
    return args


def main() -> None:
    """Read, measure, print."""
    args = parse_args()
    models = [*map(tuple, args.torch), *((file, None) for file in (*args.onnx, *args.scrfd))]
    try:
        names = model_names(models)
        data = read_folder(args.data)
        detectors: list[Detect] = [
            FaceDetector(*model, score_thr=args.score_thr)
            for model in (*args.torch, *((file,) for file in args.onnx))
        ]
        detectors += [SCRFD(file, args.score_thr) for file in args.scrfd]
        require_landmarks(names, detectors, len(data.labels.landmarks))
        errors = measure(detectors, args.side, data, args.score_thr)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"\nerror: {message_of(error)}")
    views = [(name, side) for name in names for side in args.side]
    content = "\n".join([*table(views, errors, data), "", footnote(data, args.score_thr)])
    print(content)
    if args.page:
        new = replace_section(args.page.read_text(), "landmarks", f"\n{content}\n\n", args.page)
        with replacing(args.page) as path:
            path.write_text(new)


if __name__ == "__main__":
    main()
