"""Make a sheet of the images with the most missed and false faces, these drawn.

python tools/analysis/worst_images.py LABELS PREDICTIONS --images FOLDER --out FILE.jpg

LABELS are the folder of WIDER's four .mat files, a label file, or a config (which knows where its
images are); PREDICTIONS a folder of WIDER's text files, FILE.pkl of tools/test.py --out, or
faces.json of tools/demo.py.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
from labels_argument import labels_from
from tqdm import tqdm

from mmeiou.apis.images import Image, load_image
from mmeiou.apis.media import write_image
from mmeiou.evaluation.face_errors import FaceErrors, face_errors
from mmeiou.evaluation.predictions import read_predictions
from mmeiou.evaluation.wider_report import pair
from mmeiou.functional.wider_ap import FaceImage
from mmeiou.labels.image_files import image_key
from mmeiou.visualization.sheet import contact_sheet, hatch, outline, require_format, shrink

# BGR
FOUND, MISSED, FALSE, IGNORED = (0, 220, 0), (40, 40, 255), (255, 200, 0), (160, 160, 160)
SMALL = 14  # pixels on the sheet; thick lines and scores of smaller faces would cover others
LEGEND = {
    "found": FOUND,
    "missed": MISSED,
    "false, with its score": FALSE,
    "labelled, does not count": IGNORED,
}
RANKS: dict[str, Callable[[FaceErrors], int]] = {
    "errors": lambda errors: int(errors.missed.sum() + errors.false.sum()),
    "missed": lambda errors: int(errors.missed.sum()),
    "false": lambda errors: int(errors.false.sum()),
}


class ImageErrors(NamedTuple):
    """An image with what the detector did wrong in it."""

    file: Path
    faces: FaceImage
    errors: FaceErrors

    def caption(self) -> str:
        """Counts and name."""
        counts = (f"{getattr(self.errors, kind).sum()} {kind}" for kind in FaceErrors._fields)
        return f"{', '.join(counts)}: {self.file.stem}"


def draw(image: Image, of_image: ImageErrors, kept: int, side: int) -> Image:
    """Draw the errors into an image that is first shrunk to ``side``, so that lines stay crisp."""
    small, scale = shrink(image, side)
    drawn = small.copy()
    faces, errors = of_image.faces, of_image.errors
    hatch(drawn, faces.faces[~faces.kept[kept]] * scale, IGNORED)
    outline(drawn, faces.boxes[errors.found] * scale, FOUND)
    false = faces.boxes[errors.false] * scale
    for boxes, colour in ((faces.faces[errors.missed] * scale, MISSED), (false, FALSE)):
        large = boxes[:, 2] - boxes[:, 0] >= SMALL
        outline(drawn, boxes[large], colour, 2)
        outline(drawn, boxes[~large], colour)
    for (left, top, right, _), score in zip(false, faces.scores[errors.false], strict=True):
        if right - left >= SMALL:
            place = (round(left), max(round(top) - 3, 10))
            cv2.putText(drawn, f"{score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.35, FALSE, 1)
    return drawn


def main() -> None:
    """Read, rank, draw."""
    args = _parse_args()
    try:
        _run(args)
    except (OSError, ValueError) as error:
        raise SystemExit(f"worst_images: {error}") from error


def _run(args: argparse.Namespace) -> None:
    require_format(args.out)
    labels = labels_from(args.labels, args.images)
    subset = args.subset or labels.subsets[-1]
    if subset not in labels.subsets:
        raise ValueError(f"--subset {subset}: these labels have {', '.join(labels.subsets)}")
    kept = labels.subsets.index(subset)
    truth = labels.by_key(image_key)
    paired = pair(read_predictions(args.predictions), truth)
    for warning in paired.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    errors = [
        ImageErrors(args.images / image.file, faces, face_errors(faces, kept, args.score_thr))
        for image, faces in zip(truth.values(), paired.images, strict=True)
    ]
    rank = RANKS[args.by]
    worst = sorted(errors, key=lambda one: rank(one.errors), reverse=True)[: args.number]
    worst = [one for one in worst if rank(one.errors)]
    if not worst:
        print(f"no {args.by} in {len(errors)} images: nothing to draw")
        return
    pictures = (
        (draw(load_image(one.file), one, kept, args.side), one.caption())
        for one in tqdm(worst, unit="image")
    )
    write_image(args.out, contact_sheet(pictures, args.columns, args.side, LEGEND))
    totals = (
        f"{sum(int(getattr(one.errors, kind).sum()) for one in errors)} {kind}"
        for kind in FaceErrors._fields
    )
    print(
        f"{subset}, score >= {args.score_thr:g}: {', '.join(totals)} in {len(errors)} images; the "
        f"worst {len(worst)} by {args.by}: {args.out}"
    )


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path, metavar="LABELS")
    parser.add_argument("predictions", type=Path, metavar="PREDICTIONS")
    parser.add_argument("--images", type=Path, default=Path(), help="folder of <event>/<image>.jpg")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--by", choices=RANKS, default="errors", help="what to rank by")
    parser.add_argument("--subset", help="faces that count, e.g. easy; all of them by default")
    parser.add_argument("--score-thr", type=float, default=0.3, help="smallest score (0.3)")
    parser.add_argument("--number", type=int, default=12, help="of images (12)")
    parser.add_argument("--columns", type=int, default=3, help="images in a row (3)")
    parser.add_argument("--side", type=int, default=560, help="of an image on the sheet (560 px)")
    args = parser.parse_args()
    if min(args.number, args.columns, args.side) < 1:
        parser.error("--number, --columns and --side must be at least 1")
    return args


if __name__ == "__main__":
    main()
