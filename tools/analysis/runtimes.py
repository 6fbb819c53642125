"""Every runtime with its numbers: AP, landmark error, size, speed, as a csv file and its table.

python tools/analysis/runtimes.py yunet_n.onnx --int8 yunet_n_int8.onnx --torch CONFIG yunet_n.pth \
    --widerface FOLDER --faces FOLDER --csv docs/results/runtimes.csv --page docs/deploy.md

The .onnx files are of any size (export --dynamic); the other runtimes' files are made from them, by
those that are installed. Rows replace the former ones of the same model, by the first file's name,
runtime and numbers, and the others stay; without a model, the table is written from the csv file
alone. A process has one OpenCV and, from OpenCV 5 on, one of its engines:

OPENCV_FORCE_DNN_ENGINE=1 python tools/analysis/runtimes.py ...    # classic; 2: new

AP is by the protocol of deployed_ap.py, the landmark error that of landmark_error.py with images
of a longer side of 640 pixels. Speed is the median of the network alone, of one thread, relative to
ONNX Runtime in float32; the runtimes take turns in an order that changes every round. Of
libfacedetection, which has YuNet_s alone, it is the whole detector with its own thresholds, whole
pixels and NMS.
"""

import argparse
import csv
import random
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from deployed_ap import evenly_spread
from landmark_error import Labelled, measure, read_folder, relative, require_landmarks
from opencv_client import NMS_THR, SCORE_THR
from runtime_forms import Form, forms, noise
from tqdm import tqdm

from mmeiou.apis import FaceDetector
from mmeiou.apis.images import load_image
from mmeiou.apis.views import Size
from mmeiou.cli import message_of
from mmeiou.evaluation.wider_report import evaluate, pair
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels import Detections, ImageLabels, read_labels
from mmeiou.labels.formats.wider_mat import SUBSETS
from mmeiou.labels.image_files import image_key
from mmeiou.whole_files import replacing

sys.path.append(str(Path(__file__).resolve().parents[1]))
from markdown_sections import replace_section

SIDE, FACE_SCORE_THR = 640, 0.3  # of the landmark error
SIZES: tuple[Size, ...] = ((320, 320), (640, 640))
KEYS = ("model", "runtime", "numbers")
COLUMNS = (
    *KEYS, *SUBSETS, "nme", "kb", "ratio_320", "ratio_640", "version",
)  # fmt: skip
REFERENCE = ("ONNX Runtime", "float32")

Row = dict[str, str]


class Sets(NamedTuple):
    """What to measure on.

    Attributes:
        images: Folder of WIDER FACE's images.
        truth: Their labels.
        faces: With landmarks.
    """

    images: Path
    truth: Mapping[str, ImageLabels]
    faces: Labelled


def read_sets(args: argparse.Namespace) -> Sets:
    """Read the labels before anything is measured, and see whether the model fits them.

    Raises:
        OSError: If a file is missing.
        ValueError: If one cannot be used, or the model gives other landmarks.
    """
    detector = FaceDetector(args.model)
    root, faces = args.widerface, read_folder(args.faces)
    every = read_labels(root / "labelv2/val/gt", "wider_mat").by_key(image_key)
    require_landmarks([args.model.name], [detector], len(faces.labels.landmarks))
    return Sets(root / "WIDER_val/images", evenly_spread(every, args.most), faces)


def average_precision(models: Sequence[Form], sets: Sets) -> list[list[float]]:
    """AP of each form on each subset."""
    images, truth, _ = sets
    found: list[dict[str, Detections]] = [{} for _ in models]
    for key in tqdm(truth, unit="image", desc="AP"):
        image = load_image(images / f"{key}.jpg")
        for form, detections in zip(models, found, strict=True):
            faces = form.faces(image)
            detections[key] = Detections(
                faces.boxes.astype(np.float64), faces.scores.astype(np.float64)
            )
    reports = (evaluate(pair(one, truth).images, SUBSETS, WIDERProtocol()) for one in found)
    return [list(report.ap.values()) for report in reports]


def landmark_errors(models: Sequence[Form], data: Labelled) -> list[float]:
    """Mean error of each form, relative to the folder's unit."""
    errors = measure([form.faces for form in models], [SIDE], data, FACE_SCORE_THR)
    return [relative(one, data).nme for one in errors]


def medians(runs: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """Median of what each returns, taking turns; two rounds more come first and do not count."""
    seconds: list[list[float]] = [[] for _ in runs]
    order, shuffler = list(range(len(runs))), random.Random(0)  # noqa: S311 - no secret
    for number in tqdm(range(rounds + 2), unit="round", desc="speed"):
        shuffler.shuffle(order)
        for index in order:
            spent = runs[index]()
            if number > 1:
                seconds[index].append(spent)
    return [statistics.median(of) for of in seconds]


def ratios(models: Sequence[Form], size: Size, rounds: int) -> list[float]:
    """Time of each form, relative to :data:`REFERENCE`."""
    batch = noise(size)
    found = medians([lambda form=form: form.seconds(batch) for form in models], rounds)  # type: ignore[misc]
    (reference,) = (
        seconds
        for form, seconds in zip(models, found, strict=True)
        if (form.runtime, form.numbers) == REFERENCE
    )
    return [seconds / reference for seconds in found]


def rows_of(model: str, models: Sequence[Form], sets: Sets, rounds: int) -> list[Row]:
    """Measure all forms of a model."""
    speeds = [ratios(models, size, rounds) for size in SIZES]
    precisions = average_precision(models, sets)
    errors = landmark_errors(models, sets.faces)
    return [
        {
            "model": model,
            "runtime": form.runtime,
            "numbers": form.numbers,
            **{name: f"{ap:.4f}" for name, ap in zip(SUBSETS, aps, strict=True)},
            "nme": f"{100 * error:.2f}",
            "kb": f"{form.bytes / 1000:.0f}",
            "ratio_320": f"{small:.2f}",
            "ratio_640": f"{large:.2f}",
            "version": form.release,
        }
        for form, aps, error, small, large in zip(models, precisions, errors, *speeds, strict=True)
    ]


def read_rows(path: Path) -> list[Row]:
    """What was measured before; nothing where there is no such file.

    Raises:
        ValueError: If the columns are others.
    """
    if not path.is_file():
        return []
    with path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path}: columns {reader.fieldnames}, expected {', '.join(COLUMNS)}")
        return list(reader)


def merged(rows: Sequence[Row], measured: Sequence[Row]) -> list[Row]:
    """Former rows, each in its place; new ones follow those of their model."""
    new = {tuple(row[name] for name in KEYS): row for row in measured}
    result = [new.pop(tuple(row[name] for name in KEYS), row) for row in rows]
    for row in new.values():
        places = (index for index, other in enumerate(result) if other["model"] == row["model"])
        result.insert(max(places, default=len(result) - 1) + 1, row)
    return result


def write_rows(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """As a csv file."""
    with replacing(path) as unfinished, unfinished.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def table(rows: Sequence[Row]) -> str:
    """In Markdown, and what the numbers are."""
    header = ("model", "runtime", "numbers", *SUBSETS, "NME, %", "kB", "320 x 320", "640 x 640")
    lines = [f"| {' | '.join(header)} |", f"|---|---|---|{'---:|' * (len(header) - 3)}"]
    lines += [f"| {' | '.join(row[name] for name in COLUMNS[:-1])} |" for row in rows]
    versions = dict.fromkeys(f"{row['runtime']} {row['version']}" for row in rows)
    footnote = (
        f"AP by the protocol of the table above (cls * obj of at least {SCORE_THR}, NMS at "
        f"{NMS_THR}), landmark error of faces found in images of a longer side of {SIDE} pixels, "
        "size of the files, time of the network relative to ONNX Runtime's in float32. "
        f"{', '.join(versions)}."
    )
    return "\n".join([*lines, "", footnote, ""])


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", type=Path, help=".onnx file of any size")
    parser.add_argument("--int8", type=Path, metavar="FILE", help="the same, quantized")
    parser.add_argument("--torch", nargs=2, metavar=("CONFIG", "CHECKPOINT"))
    parser.add_argument(
        "--widerface", type=Path, metavar="FOLDER", help="WIDER_val/images, labelv2/val/gt/*.mat"
    )
    parser.add_argument(
        "--faces", type=Path, metavar="FOLDER", help="images/ and landmarks.csv of labelled faces"
    )
    parser.add_argument("--csv", type=Path, required=True, help="file of the numbers")
    parser.add_argument("--page", type=Path, help="a page with a section 'runtimes'")
    parser.add_argument("--most", type=int, help="images for AP, evenly spread; all by default")
    parser.add_argument("--rounds", type=int, default=60, help="of the speed")
    parser.add_argument("--files", type=Path, help="folder to keep the other runtimes' files in")
    args = parser.parse_args()
    if args.model and not (args.widerface and args.faces):
        parser.error("a model needs --widerface and --faces")
    return args


def main() -> None:
    """Measure, if asked to; write the csv file and the page."""
    args = parse_args()
    try:
        rows = read_rows(args.csv)
        if args.page:  # that it has the section is known before the work
            replace_section(args.page.read_text(), "runtimes", "", args.page)
        if args.model:
            sets = read_sets(args)
            with TemporaryDirectory() as scratch, ExitStack() as resources:
                folder = args.files or Path(scratch)
                models = list(forms(args.model, args.int8, args.torch, folder, resources))
                rows = merged(rows, rows_of(args.model.stem, models, sets, args.rounds))
            write_rows(args.csv, rows)
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        sys.exit(f"\nerror: {message_of(error)}")
    content = table(rows)
    print(content)
    if args.page:
        new = replace_section(args.page.read_text(), "runtimes", f"\n{content}\n", args.page)
        with replacing(args.page) as path:
            path.write_text(new)


if __name__ == "__main__":
    main()
