"""Draw precision over recall by the WIDER FACE protocol, a panel for easy, medium and hard.

python tools/analysis/plot_precision_recall.py LABELS PREDICTIONS [PREDICTIONS ...] --out FILE.png

LABELS are the folder of the benchmark's four .mat files, a label file, or a config; PREDICTIONS a
folder of WIDER's text files, FILE.pkl of tools/test.py --out, or faces.json of tools/demo.py.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from labels_argument import labels_from

from mmeiou.evaluation.predictions import read_predictions
from mmeiou.evaluation.wider_report import pair
from mmeiou.functional.wider_ap import WIDERProtocol, interpolated_ap, wider_pr_curves
from mmeiou.labels import Detections, LabelSet
from mmeiou.labels.formats.wider_mat import SUBSETS
from mmeiou.labels.image_files import image_key
from mmeiou.visualization.figures import COLOURS, figure


def plot(
    file: Path,
    labels: LabelSet,
    predictions: Mapping[str, Mapping[str, Detections]],
    protocol: WIDERProtocol,
) -> None:
    """Plot a curve for each of the named predictions."""
    with figure(file, 4.2 * len(labels.subsets), 4.6) as drawn:
        truth = labels.by_key(image_key)
        panels = drawn.subplots(1, len(labels.subsets), squeeze=False)[0]
        for index, (name, detections) in enumerate(predictions.items()):
            paired = pair(detections, truth)
            for warning in paired.warnings():
                print(f"warning: {name}: {warning}", file=sys.stderr)
            curves = zip(*wider_pr_curves(paired.images, protocol), strict=True)
            for axes, (recall, precision) in zip(panels, curves, strict=True):
                proposed = precision > 0  # nothing is proposed at the highest thresholds
                axes.plot(
                    recall[proposed],
                    precision[proposed],
                    color=COLOURS[index % len(COLOURS)],
                    label=f"{interpolated_ap(recall, precision):.4f} {name}",
                )
        for axes, subset in zip(panels, labels.subsets, strict=True):
            axes.set(title=subset, xlabel="recall", xlim=(0, 1), ylim=(0, 1.01))
            axes.grid(alpha=0.3)
            axes.legend(loc="lower left", title="AP", alignment="left")
        panels[0].set_ylabel("precision")


def main() -> None:
    """Read, evaluate, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", type=Path, metavar="LABELS")
    parser.add_argument("predictions", type=Path, nargs="+", metavar="PREDICTIONS")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--names", nargs="+", help="of the predictions, for the legend")
    parser.add_argument("--iou-thr", type=float, default=0.5, help="IoU of a match (default 0.5)")
    args = parser.parse_args()
    names = args.names or [path.stem if path.is_file() else path.name for path in args.predictions]
    if len(set(names)) != len(args.predictions):
        parser.error(f"--names: {len(args.predictions)} different ones are needed, got {names}")
    try:
        labels = labels_from(args.labels)
        # as the benchmark does on its own labels
        protocol = WIDERProtocol(args.iou_thr, skip_faceless=labels.subsets == SUBSETS)
        predictions = map(read_predictions, args.predictions)
        plot(args.out, labels, dict(zip(names, predictions, strict=True)), protocol)
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"plot_precision_recall: {error}") from error


if __name__ == "__main__":
    main()
