"""Evaluate predictions in WIDER FACE's text format: AP easy, medium, hard.

python tools/analysis/eval_widerface.py PRED_DIR GT_DIR
"""

import argparse
import json
import math
import sys
from pathlib import Path

from mmengine.utils import track_iter_progress

from mmeiou.evaluation.wider_report import PairedSet, WIDERReport, evaluate, pair
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels import read_labels
from mmeiou.labels.formats import wider_txt
from mmeiou.labels.image_files import image_key


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pred_dir", type=Path, help="folder of <event>/<image>.txt")
    parser.add_argument(
        "gt_dir", type=Path, help="folder of wider_face_val.mat, wider_{easy,medium,hard}_val.mat"
    )
    parser.add_argument("--iou-thr", type=float, default=0.5, help="IoU of a match (default 0.5)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the result here")
    return parser.parse_args()


def as_json(report: WIDERReport, paired: PairedSet) -> str:
    """Everything that is printed, and all names; AP of a subset without faces is null."""
    return json.dumps(
        {
            "AP": {name: None if math.isnan(ap) else ap for name, ap in report.ap.items()},
            "faces": report.num_faces,
            "images": report.num_images,
            "detections": report.num_detections,
            "protocol": str(report.protocol),
            "iou_thr": report.protocol.iou_thr,
            "not_predicted": paired.missed,
            "not_in_ground_truth": paired.unknown,
        },
        indent=2,
    )


def main() -> None:
    """Read, evaluate, print."""
    args = parse_args()
    try:
        protocol = WIDERProtocol(args.iou_thr)
        labels = read_labels(args.gt_dir, "wider_mat")
        files = wider_txt.list_files(args.pred_dir)
        predictions = wider_txt.read(track_iter_progress(files, file=sys.stderr))
        paired = pair(predictions, labels.by_key(image_key))
    except (OSError, ValueError) as error:
        sys.exit(f"\nerror: {error}")
    for warning in paired.warnings():
        print(f"warning: {warning}", file=sys.stderr)
    report = evaluate(paired.images, labels.subsets, protocol)
    print(f"{'subset':8}{'faces':>8}{'AP':>9}")
    for name, ap in report.ap.items():
        print(f"{name:8}{report.num_faces[name]:8}{ap:9.4f}")
    print(report)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(as_json(report, paired) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
