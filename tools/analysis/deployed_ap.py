"""AP on WIDER FACE of a detector in the forms in which it is deployed, as a Markdown table.

python tools/analysis/deployed_ap.py DATA_ROOT --torch CONFIG CHECKPOINT --onnx DYNAMIC.onnx \
    --nms DYNAMIC_NMS.onnx --opencv FILE.onnx

Each form detects in images of original size, and its detections are scored by cls * obj: OpenCV's
scores, the square roots of that, are squared. That keeps their order but matters all the same: the
protocol samples the curve at evenly spaced scores. Options may be repeated, as in
--onnx FLOAT.onnx --onnx INT8.onnx. The last three columns compare with the first row: detections of
either without one of the other within a pixel, and the largest differences of the paired ones.
"""

import argparse
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from opencv_client import NMS_THR, SCORE_THR, faces_by_opencv
from releases import release_of
from scipy.spatial import cKDTree
from tqdm import tqdm

from mmeiou.apis import FaceDetector
from mmeiou.apis.exported import require_file
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.onnx_backend import open_session
from mmeiou.apis.views import padded_size
from mmeiou.cli import message_of
from mmeiou.evaluation.wider_report import evaluate, pair
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels import Detections, ImageLabels, read_labels
from mmeiou.labels.formats.wider_mat import SUBSETS
from mmeiou.labels.image_files import image_key

STRIDE = 32  # of the coarsest level
PIXELS = 1.0  # farther apart, two boxes are two detections

Detect = Callable[[Image], Detections]


class Form(NamedTuple):
    """A detector as it is deployed."""

    runs_in: str
    file: Path
    detect: Detect


def pytorch(config: str, checkpoint: str) -> Form:
    """The detector that was trained."""
    return Form("PyTorch", Path(checkpoint), _face_detector(config, checkpoint))


def onnx_runtime(path: str) -> Form:
    """A file of the twelve outputs, decoded by :class:`mmeiou.apis.FaceDetector`."""
    require_file(path)
    _require_any_size(open_session(path), path)
    return Form("ONNX Runtime", Path(path), _face_detector(path))


def nms_in_graph(path: str) -> Form:
    """A file that ends in faces, by the thresholds of its export."""
    require_file(path)
    session = open_session(path)
    wanted = ["boxes", "scores"]
    names = [output.name for output in session.get_outputs()]
    if not set(wanted) <= set(names):
        raise ValueError(
            f"--nms {path}: outputs {names}, but {wanted} are needed: export --with-nms"
        )
    _require_any_size(session, path)

    def detect(image: Image) -> Detections:
        width, height = padded_size(image, STRIDE)
        pixels = np.zeros((1, 3, height, width), np.float32)
        pixels[0, :, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
        return _detections(*session.run(wanted, {"input": pixels}))

    return Form("ONNX Runtime, NMS in the graph", Path(path), detect)


def opencv(path: str) -> Form:
    """A file of the twelve outputs in OpenCV's client, which pads as the others do."""
    require_file(path)

    def detect(image: Image) -> Detections:
        faces = faces_by_opencv(Path(path), image)
        return _detections(faces.boxes, faces.scores)

    try:
        detect(np.zeros((STRIDE, STRIDE, 3), np.uint8))
    except cv2.error as error:
        raise ValueError(
            f"--opencv {path}: OpenCV {cv2.__version__} cannot run it: {error}"
        ) from error
    return Form("OpenCV FaceDetectorYN", Path(path), detect)


def _face_detector(model: str, checkpoint: str | None = None) -> Detect:
    detector = FaceDetector(model, checkpoint, score_thr=SCORE_THR, nms_thr=NMS_THR)

    def detect(image: Image) -> Detections:
        faces = detector(image)
        return _detections(faces.boxes, faces.scores)

    return detect


def _detections(boxes: NDArray[np.float32], scores: NDArray[np.float32]) -> Detections:
    return Detections(boxes.astype(np.float64), scores.astype(np.float64))


def _require_any_size(session: Any, path: str) -> None:
    height, width = session.get_inputs()[0].shape[2:]
    if isinstance(height, int) or isinstance(width, int):
        raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument's type
            f"{path} takes images of {width} x {height} only, but they are evaluated at their "
            "original size: export --dynamic"
        )


def evenly_spread(
    ground_truth: Mapping[str, ImageLabels], most: int | None
) -> dict[str, ImageLabels]:
    """At most so many of the images."""
    keys = list(ground_truth)
    count = min(most or len(keys), len(keys))
    return {(key := keys[i * len(keys) // count]): ground_truth[key] for i in range(count)}


def difference(found: Detections, first: Detections) -> tuple[int, float, float]:
    """How far the detections of an image are from others.

    Returns:
        Number of detections of either that are not paired with one of the other; of the pairs the
        largest difference in a coordinate, in pixels, and in score. A pair are each other's
        nearest, in the coordinate that differs most, and no farther apart than :data:`PIXELS`.
    """
    if not (len(found.bboxes) and len(first.bboxes)):
        return len(found.bboxes) + len(first.bboxes), 0.0, 0.0
    distance, nearest = cKDTree(first.bboxes).query(found.bboxes, p=math.inf)
    nearest_back = cKDTree(found.bboxes).query(first.bboxes, p=math.inf)[1]
    paired = (distance <= PIXELS) & (nearest_back[nearest] == np.arange(len(nearest)))
    alone = len(found.bboxes) + len(first.bboxes) - 2 * np.count_nonzero(paired)
    scores = np.abs(found.scores - first.scores[nearest])[paired]
    return alone, float(distance[paired].max(initial=0)), float(scores.max(initial=0))


def detect_all(
    forms: list[Form], images: Path, ground_truth: Mapping[str, ImageLabels]
) -> list[dict[str, Detections]]:
    """The detections of each form in all images."""
    found: list[dict[str, Detections]] = [{} for _ in forms]
    for key in tqdm(ground_truth, unit="image"):
        image = load_image(images / f"{key}.jpg")
        for form, detections in zip(forms, found, strict=True):
            detections[key] = form.detect(image)
    return found


def table(
    forms: list[Form],
    found: list[dict[str, Detections]],
    ground_truth: Mapping[str, ImageLabels],
) -> list[str]:
    """The table, and the protocol below it."""
    lines = [
        f"| runs in | file | {' | '.join(SUBSETS)} | detections | unmatched | px | score |",
        f"|---|---|{'---:|' * (len(SUBSETS) + 4)}",
    ]
    protocol = WIDERProtocol()
    for form, detections in zip(forms, found, strict=True):
        report = evaluate(pair(detections, ground_truth).images, SUBSETS, protocol)
        aps = " | ".join(f"{ap:.4f}" for ap in report.ap.values())
        compared = "| | |"
        if detections is not found[0]:
            pairs = [difference(detections[key], found[0][key]) for key in ground_truth]
            alone, pixels, score = map(np.array, zip(*pairs, strict=True))
            compared = f"{alone.sum()} | {pixels.max():.1e} | {score.max():.1e} |"
        lines.append(
            f"| {form.runs_in} | {form.file.name} | {aps} | {report.num_detections} | {compared}"
        )
    protocol_line = (
        f"{len(ground_truth)} images of original size padded to a multiple of {STRIDE}, "
        f"cls * obj >= {SCORE_THR}, NMS {NMS_THR}; {protocol}"
    )
    versions = (
        f"PyTorch {torch.__version__}, ONNX Runtime {release_of('onnxruntime')}, "
        f"OpenCV {cv2.__version__}"
    )
    return [*lines, "", protocol_line, versions]


def main() -> None:
    """Detect, evaluate, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data_root", type=Path, help="folder of WIDER_val/images and labelv2/val/gt/*.mat"
    )
    parser.add_argument("--torch", nargs=2, action="append", metavar=("CONFIG", "CHECKPOINT"))
    for option, what in {
        "onnx": "file of --dynamic, or any of that contract",
        "nms": "file of --dynamic --with-nms",
        "opencv": "file for OpenCV's FaceDetectorYN",
    }.items():
        parser.add_argument(f"--{option}", nargs=1, action="append", metavar="FILE", help=what)
    parser.add_argument("--most", type=int, help="images, evenly spread; all by default")
    args = parser.parse_args()
    wanted = [
        (build, files)
        for build, given in (
            (pytorch, args.torch),
            (onnx_runtime, args.onnx),
            (nms_in_graph, args.nms),
            (opencv, args.opencv),
        )
        for files in given or ()
    ]
    if not wanted:
        parser.error("give at least one of --torch, --onnx, --nms, --opencv")
    if args.most is not None and args.most < 1:
        parser.error(f"--most must be at least 1, got {args.most}")
    try:
        ground_truth = evenly_spread(
            read_labels(args.data_root / "labelv2/val/gt", "wider_mat").by_key(image_key), args.most
        )
        forms = [build(*files) for build, files in wanted]
        found = detect_all(forms, args.data_root / "WIDER_val/images", ground_truth)
    except (OSError, ValueError, ImportError) as error:
        sys.exit(f"\nerror: {message_of(error)}")
    print(*table(forms, found, ground_truth), sep="\n")


if __name__ == "__main__":
    main()
