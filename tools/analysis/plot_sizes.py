"""Draw how large the boxes of a dataset are, as labelled and as the augmentation hands them on.

python tools/analysis/plot_sizes.py CONFIG --out FILE.png [--predictions PRED --labels LABELS]

The strides of the detector's levels are marked: a face of that size fills one cell of the level.
With predictions, a second panel shows which part of the faces of each size was found.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import mmeiou  # noqa: F401  isort: skip - before MMDetection, which may need its op stand-ins
from labels_argument import labels_from
from mmdet.structures.bbox import get_box_tensor
from mmengine.runner import set_random_seed
from numpy.typing import NDArray
from tqdm import tqdm

from mmeiou.config import build_dataset, read_config
from mmeiou.evaluation.face_errors import face_errors
from mmeiou.evaluation.predictions import read_predictions
from mmeiou.evaluation.wider_report import pair
from mmeiou.functional.wider_ap import FaceImage
from mmeiou.labels.image_files import image_key
from mmeiou.visualization.figures import COLOURS, figure

EDGES = 2 ** np.arange(0, 11.5, 0.5)  # pixels: 1 to 2048

Floats = NDArray[np.float64]


class Recall(NamedTuple):
    """Of each bin of :data:`EDGES`: labelled faces, and those found."""

    faces: NDArray[np.int64]
    found: NDArray[np.int64]


def sizes(boxes: Any) -> Floats:
    """Square roots of the areas of boxes (n, 4)."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    return np.sqrt(np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), axis=1))


def labelled_sizes(dataset: Any) -> Floats:
    """Of all faces that are not to be ignored, in pixels of the original images."""
    boxes = [
        one["bbox"]
        for index in tqdm(range(len(dataset)), desc="labels", unit="image")
        for one in dataset.get_data_info(index)["instances"]
        if not one.get("ignore_flag", 0)
    ]
    return sizes(boxes)


def augmented_sizes(dataset: Any, number: int, seed: int) -> Floats:
    """Of the faces of some samples, in pixels of what the detector gets."""
    set_random_seed(seed)
    some = np.random.default_rng(seed).choice(len(dataset), number)
    packed = (dataset[int(index)] for index in tqdm(some, desc="samples", unit="image"))
    boxes = [get_box_tensor(one["data_samples"].gt_instances.bboxes).numpy() for one in packed]
    return sizes(np.concatenate(boxes))


def recall_by_size(images: Sequence[FaceImage], score_thr: float) -> Recall:
    """Count the faces of the last subset, which holds those of the others."""
    missed = [face_errors(image, score_thr=score_thr).missed for image in images]
    of_all, of_missed = (
        np.histogram(sizes(np.concatenate(boxes)), EDGES)[0]
        for boxes in (
            [image.faces[image.kept[-1]] for image in images],
            [image.faces[gone] for image, gone in zip(images, missed, strict=True)],
        )
    )
    return Recall(of_all, of_all - of_missed)


def strides_of(model: Any) -> list[float]:
    """The strides of a detector's levels, as far as its config names them."""
    for head in filter(None, (model.get("bbox_head"), model.get("rpn_head"))):
        if not hasattr(head, "get"):
            continue
        for place in (head, *(head.get(f"{kind}_generator") or {} for kind in ("anchor", "prior"))):
            if strides := place.get("strides"):
                return [float(np.min(stride)) for stride in strides]
    return []


def plot(
    file: Path, found: dict[str, Floats], strides: Sequence[float], recall: Recall | None
) -> None:
    """Plot histograms over a logarithmic axis, and below them the recall."""
    panels = 1 if recall is None else 2
    with figure(file, 9, 1 + 3.2 * panels) as drawn:
        axes = drawn.subplots(panels, sharex=True, squeeze=False)[:, 0]
        for colour, (name, values) in zip(COLOURS, found.items(), strict=False):
            weights = np.full(len(values), 100 / max(1, len(values)))
            axes[0].hist(
                values.clip(EDGES[0], EDGES[-1]),
                EDGES,
                weights=weights,
                histtype="stepfilled",
                ec=colour,
                fc=(colour, 0.2),
                label=f"{name}: {len(values):,} boxes, median {np.median(values):.0f} px",
            )
        axes[0].set(ylabel="boxes, %", xscale="log")
        axes[0].legend(loc="upper right")
        if recall is not None:
            _plot_recall(axes[1], recall)
        _mark(axes, strides)
        axes[-1].set(xlabel="square root of the area, px", xlim=(2, EDGES[-1]))
        axes[-1].set_xticks(2 ** np.arange(1, 12), [str(2**k) for k in range(1, 12)])
        axes[-1].minorticks_off()


def _plot_recall(axes: Any, recall: Recall) -> None:
    part = np.where(recall.faces > 0, recall.found / np.maximum(recall.faces, 1), np.nan)
    axes.stairs(part, EDGES, color=COLOURS[2], lw=2)
    for left, right, value, count in zip(EDGES, EDGES[1:], part, recall.faces, strict=False):
        if count:
            axes.text(np.sqrt(left * right), value + 0.02, count, ha="center", fontsize="x-small")
    axes.set(ylabel="part found, and of how many", ylim=(0, 1.12))


def _mark(panels: Any, strides: Sequence[float]) -> None:
    for axes in panels:
        for stride in strides:
            axes.axvline(stride, color="gray", ls="--", lw=1)
        if strides:
            axes.axvspan(EDGES[0], min(strides), color="gray", alpha=0.15, lw=0)
    for stride in strides:
        panels[0].text(
            stride, 1.01, f"stride {stride:g}", transform=panels[0].get_xaxis_transform(),
            ha="center", va="bottom", fontsize="small", color="gray",
        )  # fmt: skip


def main() -> None:
    """Collect, draw."""
    args = _parse_args()
    try:
        cfg = read_config(args.config, args.cfg_options)
        dataset = build_dataset(cfg, args.split)
        found = {"as labelled": labelled_sizes(dataset)}
        if args.split == "train":
            found["augmented"] = augmented_sizes(dataset, args.number, args.seed)
        recall = None
        if args.predictions:
            truth = labels_from(args.labels or args.config).by_key(image_key)
            paired = pair(read_predictions(args.predictions), truth)
            for warning in paired.warnings():
                print(f"warning: {warning}", file=sys.stderr)
            recall = recall_by_size(paired.images, args.score_thr)
        plot(args.out, found, args.strides or strides_of(cfg.get("model", {})), recall)
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"plot_sizes: {error}") from error
    print(args.out)


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, metavar="CONFIG")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--number", type=int, default=500, help="of augmented samples (500)")
    parser.add_argument("--seed", type=int, default=0, help="of the augmentation")
    parser.add_argument("--strides", type=float, nargs="+", help="instead of the config's")
    parser.add_argument("--predictions", type=Path, help="as for plot_precision_recall.py")
    parser.add_argument("--labels", type=Path, help="of those; the config's test set by default")
    parser.add_argument("--score-thr", type=float, default=0.3, help="of the predictions (0.3)")
    parser.add_argument("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
