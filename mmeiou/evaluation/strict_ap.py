"""Average precision from loose to strict IoU thresholds: what is reported of a matrix of APs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Hundredths: 0.50, 0.55, ..., 0.95 as COCO averages over, and those reported one by one.
PERCENTS = tuple(range(50, 100, 5))
REPORTED = (50, 60, 70, 75, 80, 90)
# What VOCStrictMetric reports, by the names that CocoStrictMetric has from COCO.
COCO_NAMES = {"AP": "bbox_mAP"} | {f"AP{percent}": f"bbox_mAP_{percent}" for percent in REPORTED}


def mean_aps(aps: Floats) -> tuple[float, dict[int, float]]:
    """Means over the classes.

    Args:
        aps: (10, k) AP at each of ``PERCENTS`` for each of k classes; NaN for a class that has
            no ground truth, which is left out of the means.

    Returns:
        The mean over all thresholds (COCO's AP), and the means at each of ``REPORTED``. NaN if no
        class has ground truth.
    """
    known = aps[:, ~np.isnan(aps).any(axis=0)]
    if not known.size:
        return float("nan"), dict.fromkeys(REPORTED, float("nan"))
    by_threshold = known.mean(axis=1)
    return float(by_threshold.mean()), {
        percent: float(by_threshold[PERCENTS.index(percent)]) for percent in REPORTED
    }


def class_table(classes: Sequence[str], aps: Floats) -> str:
    """Text table of the APs of each class, and their means in the last line.

    Args:
        classes: k names.
        aps: (10, k) as for :func:`mean_aps`.
    """
    width = max(len(name) for name in ("class", "mean", *classes))
    heads = ["AP", *(f"AP{percent}" for percent in REPORTED)]
    lines = [f"{'class':{width}}" + "".join(f"{head:>8}" for head in heads)]
    rows = [(name, aps[:, [k]]) for k, name in enumerate(classes)]
    for name, columns in [*rows, ("mean", aps)]:
        mean, at = mean_aps(columns)
        lines.append(f"{name:{width}}" + "".join(f"{ap:8.4f}" for ap in (mean, *at.values())))
    return "\n".join(lines)
