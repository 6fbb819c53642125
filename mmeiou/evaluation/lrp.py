"""Localisation Recall Precision (LRP) error, and its optimum over score thresholds.

Oksuz, Cam, Kalkan, Akbas, "One Metric to Measure them All: Localisation Recall Precision (LRP) for
Evaluating Visual Detection Tasks", TPAMI 2021, and "Localization Recall Precision (LRP): A New
Performance Metric for Object Detection", ECCV 2018. Of the detections that score s or more, matched
at the IoU threshold tau::

    LRP(s) = (sum over the true of (1 - IoU) / (1 - tau) + FP + FN) / (TP + FP + FN)

Lower is better: 0 is every object found with IoU 1 and nothing else, 1 is nothing true. Optimal LRP
(oLRP) is the least over s, which is thereby the score to cut the class's detections at.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmeiou.evaluation.outcomes import Outcomes


class LRP(NamedTuple):
    """LRP error and its components, each in [0, 1]; NaN where undefined.

    Attributes:
        error: LRP; NaN without objects.
        localisation: Mean 1 - IoU of the true detections; NaN if none is true.
        false_positive: Part of the detections that is false: 1 - precision; NaN if none is true.
        false_negative: Part of the objects that is missed: 1 - recall; NaN without objects.
        threshold: Least score of a detection that takes part; NaN if none is true.
    """

    error: float
    localisation: float
    false_positive: float
    false_negative: float
    threshold: float


_NAN = float("nan")


def optimal_lrp(outcomes: Outcomes, iou_thr: float) -> LRP:
    """Optimal LRP of one class, exact: every score is tried as the threshold.

    Args:
        outcomes: The class, matched at ``iou_thr``.
        iou_thr: tau, in [0, 1).

    Returns:
        Of several best thresholds the highest. As in the authors' code, a class of which nothing is
        true has the errors 1, nan, nan, 1.
    """
    if not outcomes.num_truths:
        return LRP(_NAN, _NAN, _NAN, _NAN, _NAN)
    if not outcomes.true.any():
        return LRP(1.0, _NAN, _NAN, 1.0, _NAN)
    true = outcomes.true.cumsum()
    offset = np.where(outcomes.true, 1 - outcomes.ious, 0.0).cumsum()
    number = np.arange(1, len(true) + 1)
    # TP + FP + FN: the detections, and the objects that none of them found.
    total = number + outcomes.num_truths - true
    errors = (offset / (1 - iou_thr) + total - true) / total
    # No threshold lies between equal scores.
    ends = np.append(outcomes.scores[1:] < outcomes.scores[:-1], True)
    errors[~ends | (true == 0)] = np.inf
    best = int(errors.argmin())
    found = true[best]
    return LRP(
        error=float(errors[best]),
        localisation=float(offset[best] / found),
        false_positive=float(1 - found / number[best]),
        false_negative=float(1 - found / outcomes.num_truths),
        threshold=float(outcomes.scores[best]),
    )


def mean_lrp(classes: Sequence[LRP]) -> dict[str, float]:
    """Means over the classes for which each is defined, by the names under which they are reported.

    Returns:
        ``oLRP``, ``oLRP_Loc``, ``oLRP_FP`` and ``oLRP_FN``; NaN if no class has it.
    """
    names = ("oLRP", "oLRP_Loc", "oLRP_FP", "oLRP_FN")
    columns = zip(*(one[: len(names)] for one in classes), strict=True)
    known = ([value for value in column if not np.isnan(value)] for column in columns)
    return {
        name: float(np.mean(values)) if values else _NAN
        for name, values in zip(names, known, strict=True)
    }


def threshold_table(names: Sequence[str], classes: Sequence[LRP]) -> str:
    """Text table of optimal LRP, its components and its score threshold of each class."""
    width = max(len(name) for name in ("class", *names))
    heads = ("oLRP", "Loc", "FP", "FN", "score")
    lines = [f"{'class':{width}}" + "".join(f"{head:>8}" for head in heads)]
    lines += [
        f"{name:{width}}" + "".join(f"{value:8.4f}" for value in one)
        for name, one in zip(names, classes, strict=True)
    ]
    return "\n".join(lines)
