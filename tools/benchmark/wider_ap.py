"""Time the WIDER FACE evaluation of a set of predictions, reading of files aside.

python tools/benchmark/wider_ap.py PRED_DIR GT_DIR
"""

import argparse
import statistics
import time
from pathlib import Path

from mmeiou.evaluation.wider_report import evaluate, pair
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels import read_labels
from mmeiou.labels.formats import wider_txt
from mmeiou.labels.image_files import image_key


def main() -> None:
    """Read once, evaluate several times, print the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pred_dir", type=Path, help="folder of <event>/<image>.txt")
    parser.add_argument("gt_dir", type=Path, help="folder of the .mat files")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()

    predictions = wider_txt.read(wider_txt.list_files(args.pred_dir))
    labels = read_labels(args.gt_dir, "wider_mat")
    ground_truth = labels.by_key(image_key)
    seconds = []
    for _ in range(args.repeats):
        start = time.process_time()
        report = evaluate(pair(predictions, ground_truth).images, labels.subsets, WIDERProtocol())
        seconds.append(time.process_time() - start)
    print(report)
    print(
        f"CPU time of {args.repeats} runs: median {statistics.median(seconds):.3f} s, "
        f"{min(seconds):.3f} to {max(seconds):.3f} s"
    )


if __name__ == "__main__":
    main()
