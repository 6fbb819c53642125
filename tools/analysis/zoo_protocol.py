"""Which difference of protocol makes which difference in AP: the authors' against the OpenCV Zoo's.

python tools/analysis/zoo_protocol.py data/widerface --torch CONFIG CHECKPOINT --opencv FILE.onnx \
    --csv docs/results/zoo_protocol.csv --page docs/reproduction.md

Both protocols detect in images of original size, padded to a multiple of 32, and suppress at an IoU
of 0.45. They differ in what is done to the detections; each difference is tried alone, then all
together. --opencv runs OpenCV's client as the Zoo's script does. --predictions takes detections of
the authors' protocol in WIDER FACE's text format, as those of the whole validation part: there,
what happens before NMS cannot be tried.
"""

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from opencv_client import NMS_THR, SCORE_THR
from tqdm import tqdm

from mmeiou.apis.exported import require_file
from mmeiou.apis.images import Image, load_image
from mmeiou.apis.torch_backend import TorchBackend
from mmeiou.evaluation.wider_report import evaluate, pair
from mmeiou.functional.nms import nms
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels import Detections, ImageLabels, read_labels
from mmeiou.labels.formats import wider_txt
from mmeiou.labels.formats.wider_mat import SUBSETS
from mmeiou.labels.image_files import image_key
from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

ZOO_THR = 0.3  # of the square root
ZOO_TOP_K = 5000
# The Zoo's script has no empty images: x y w h score.
FILLER = Detections(np.array([[10.0, 10.0, 30.0, 30.0]]), np.array([0.002]))
COLUMNS = ("model", "images", "protocol", *SUBSETS, "detections")


class Protocol(NamedTuple):
    """What is done to what the network proposes. The defaults are the authors'."""

    score_thr: float = SCORE_THR
    """Smallest ``cls * obj``."""
    square_root: bool = False
    """Whether a score is the square root of ``cls * obj``."""
    whole_pixels: bool = False
    """Whether NMS compares boxes that are cut to whole pixels."""
    top_k: int | None = None
    """How many of the best go into NMS."""
    rounded: bool = False
    """Whether boxes are rounded to 0.1 and scores to 0.001."""
    filled: bool = False
    """Whether an image without detections gets one of score 0.002."""


PROTOCOLS = {
    "the authors'": Protocol(),
    "score above 0.3 of the square root": Protocol(score_thr=ZOO_THR**2),
    "score = square root": Protocol(square_root=True),
    "NMS on whole pixels": Protocol(whole_pixels=True),
    "the best 5000 into NMS": Protocol(top_k=ZOO_TOP_K),
    "boxes and scores rounded": Protocol(rounded=True),
    "a box where nothing was found": Protocol(filled=True),
    "all of these": Protocol(ZOO_THR**2, True, True, ZOO_TOP_K, True, True),  # noqa: FBT003
}
CLIENT = "the Zoo's: OpenCV's client"


class Row(NamedTuple):
    """AP of a model by a protocol."""

    model: str
    images: str
    protocol: str
    easy: str
    medium: str
    hard: str
    detections: str


def apply(proposed: Detections, protocol: Protocol, *, suppress: bool = True) -> Detections:
    """Detections of an image from what the network proposes, with scores ``cls * obj``."""
    keep = proposed.scores >= protocol.score_thr
    bboxes, scores = proposed.bboxes[keep], proposed.scores[keep]
    if suppress:
        best = np.argsort(-scores, kind="stable")[: protocol.top_k]
        bboxes, scores = bboxes[best], scores[best]
        compared = _whole_pixels(bboxes) if protocol.whole_pixels else bboxes
        kept = nms(torch.from_numpy(compared), torch.from_numpy(scores), NMS_THR).numpy()
        bboxes, scores = bboxes[kept], scores[kept]
    if protocol.square_root:
        scores = np.sqrt(scores)
    if protocol.rounded:
        bboxes, scores = _rounded(bboxes), scores.round(3)
    return FILLER if protocol.filled and not len(scores) else Detections(bboxes, scores)


def _whole_pixels(bboxes: NDArray[np.float64]) -> NDArray[np.float64]:
    corner, size = np.trunc(bboxes[:, :2]), np.trunc(bboxes[:, 2:] - bboxes[:, :2])
    return np.concatenate([corner, corner + size], axis=1)


def _rounded(bboxes: NDArray[np.float64]) -> NDArray[np.float64]:
    corner, size = bboxes[:, :2].round(1), (bboxes[:, 2:] - bboxes[:, :2]).round(1)
    return np.concatenate([corner, corner + size], axis=1)


class Client:
    """OpenCV's ``FaceDetectorYN``, called as the Zoo's ``tools/eval`` does."""

    def __init__(self, path: str) -> None:
        require_file(path)
        self.client = cv2.FaceDetectorYN.create(path, "", (32, 32), ZOO_THR, NMS_THR, ZOO_TOP_K)

    def __call__(self, image: Image) -> Detections:
        """Detections of an image."""
        self.client.setInputSize((image.shape[1], image.shape[0]))
        found = self.client.detect(image)[1]
        if found is None:
            return FILLER
        faces = found.astype(np.float64)
        corners = np.concatenate([faces[:, :2], faces[:, :2] + faces[:, 2:4]], axis=1)
        return Detections(_rounded(corners), faces[:, 14].round(3))


def _row(
    model: str, protocol: str, found: Mapping[str, Detections], truth: Mapping[str, ImageLabels]
) -> Row:
    report = evaluate(pair(found, truth).images, SUBSETS, WIDERProtocol())
    easy, medium, hard = (f"{ap:.4f}" for ap in report.ap.values())
    images, detections = str(report.num_images), str(report.num_detections)
    return Row(model, images, protocol, easy, medium, hard, detections)


def rows_of_model(
    model: str, proposed: Mapping[str, Detections], truth: Mapping[str, ImageLabels]
) -> list[Row]:
    """By every protocol."""
    return [
        _row(model, name, {key: apply(one, protocol) for key, one in proposed.items()}, truth)
        for name, protocol in tqdm(PROTOCOLS.items(), desc=model, unit="protocol")
    ]


def rows_of_predictions(
    model: str, found: Mapping[str, Detections], truth: Mapping[str, ImageLabels]
) -> list[Row]:
    """By the protocols that need nothing from before NMS; of all together, what does not."""
    rows = []
    for name, protocol in PROTOCOLS.items():
        after = protocol._replace(whole_pixels=False, top_k=None)
        if after == Protocol() != protocol:
            continue
        detections = {key: apply(one, after, suppress=False) for key, one in found.items()}
        note = name if after == protocol else f"{name}, but for NMS"
        rows.append(_row(model, note, detections, truth))
    return rows


def detect(
    backends: Sequence[TorchBackend], clients: Sequence[Client], images: Path, keys: Sequence[str]
) -> tuple[list[dict[str, Detections]], list[dict[str, Detections]]]:
    """What the networks propose, and what the clients find."""
    proposed: list[dict[str, Detections]] = [{} for _ in backends]
    found: list[dict[str, Detections]] = [{} for _ in clients]
    for key in tqdm(keys, unit="image"):
        image = load_image(images / f"{key}.jpg")
        for backend, detections in zip(backends, proposed, strict=True):
            candidates = backend([image], SCORE_THR)[0]
            boxes, scores = (one.double().numpy() for one in candidates[:2])
            detections[key] = Detections(boxes, scores)
        for client, detections in zip(clients, found, strict=True):
            detections[key] = client(image)
    return proposed, found


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---:|---|---:|---:|---:|---:|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """All rows, under their names."""
    with replacing(path) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="of WIDER_val/images and labelv2/val/gt/*.mat")
    parser.add_argument(
        "--torch", nargs=2, action="append", default=[], metavar=("CONFIG", "CHECKPOINT")
    )
    parser.add_argument("--opencv", action="append", default=[], metavar="FILE")
    parser.add_argument("--predictions", nargs=3, metavar=("NAME", "FOLDER", "GT_FOLDER"))
    parser.add_argument("--csv", type=Path, metavar="OUT", help="also write the rows here")
    parser.add_argument("--page", type=Path, help="a page with a section 'zoo-protocol'")
    args = parser.parse_args()
    if not (args.torch or args.opencv or args.predictions):
        parser.error("give at least one of --torch, --opencv, --predictions")
    return args


def main() -> None:
    """Detect, evaluate, print."""
    args = parse_args()
    rows: list[Row] = []
    try:
        if args.predictions:
            name, folder, gt_folder = args.predictions
            truth = read_labels(Path(gt_folder), "wider_mat").by_key(image_key)
            files = wider_txt.list_files(Path(folder))
            rows += rows_of_predictions(name, dict(wider_txt.read(tqdm(files))), truth)
        if args.torch or args.opencv:
            backends = [TorchBackend(config, weights, "cpu") for config, weights in args.torch]
            clients = [Client(path) for path in args.opencv]
            truth = read_labels(args.data_root / "labelv2/val/gt", "wider_mat").by_key(image_key)
            images = args.data_root / "WIDER_val/images"
            proposed, found = detect(backends, clients, images, list(truth))
            for (_, weights), detections in zip(args.torch, proposed, strict=True):
                rows += rows_of_model(Path(weights).name, detections, truth)
            for path, detections in zip(args.opencv, found, strict=True):
                rows.append(_row(Path(path).name, CLIENT, detections, truth))
    except (OSError, ValueError, cv2.error) as error:
        sys.exit(f"\nerror: {error}")
    content = table(rows)
    print(content)
    if args.csv:
        write_csv(args.csv, rows)
    if args.page:
        new = replace_section(args.page.read_text(), "zoo-protocol", f"\n{content}\n", args.page)
        with replacing(args.page) as path:
            path.write_text(new)


if __name__ == "__main__":
    main()
