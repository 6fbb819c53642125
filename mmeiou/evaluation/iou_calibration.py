"""Whether the IoUs and scores that a detector predicts are the true ones.

Expected calibration error (ECE): Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
Localisation-aware ECE (LaECE): Oksuz, Joy, Dokania, "Towards Building Self-Aware Object Detectors
via Reliable Uncertainty Quantification and Calibration", CVPR 2023.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmeiou.evaluation.image_overlaps import ImageOverlaps
from mmeiou.evaluation.outcomes import Outcomes

Values = NDArray[np.floating[Any]]

IOU_BINS = 10
LAECE_BINS = 25
_NAN = float("nan")


class Correlation(NamedTuple):
    """How well an estimate tells good boxes from bad ones.

    Attributes:
        pearson: Of the values: 1 for any rising line.
        spearman: Of the ranks: 1 for any rising curve.
    """

    pearson: float
    spearman: float


class Reliability(NamedTuple):
    """Means over bins of equal width of the predicted values; empty bins are left out.

    Attributes:
        number: (b,) values in each bin.
        predicted: (b,) mean of the predictions.
        true: (b,) mean of the truth.
    """

    number: NDArray[np.intp]
    predicted: Values
    true: Values

    def error(self) -> float:
        """ECE: mean distance of the two means, weighted by number; NaN without values."""
        if not self.number.sum():
            return _NAN
        return float(np.average(abs(self.predicted - self.true), weights=self.number))

    def table(self) -> str:
        """Text table of the curve."""
        rows = zip(*self, strict=True)
        return "\n".join(
            [f"{'number':>8}{'predicted':>11}{'true':>8}"]
            + [f"{number:8d}{predicted:11.4f}{true:8.4f}" for number, predicted, true in rows]
        )


def correlate(estimate: Values, true: Values) -> Correlation:
    """Correlations of two ``(n,)`` arrays; NaN for fewer than 3 values or a constant array."""
    if len(true) < 3 or np.ptp(true) == 0 or np.ptp(estimate) == 0:  # noqa: PLR2004
        return Correlation(_NAN, _NAN)
    from scipy.stats import pearsonr, spearmanr  # noqa: PLC0415 (slow to import)

    return Correlation(
        float(pearsonr(estimate, true).statistic), float(spearmanr(estimate, true).statistic)
    )


def reliability(predicted: Values, true: Values, bins: int = IOU_BINS) -> Reliability:
    """Reliability curve of ``(n,)`` predictions ; what is outside [0, 1] is in the end bins."""
    index = np.clip((predicted * bins).astype(int), 0, bins - 1)
    number = np.bincount(index, minlength=bins)
    filled = number > 0
    sums = (np.bincount(index, values, minlength=bins)[filled] for values in (predicted, true))
    return Reliability(number[filled], *(total / number[filled] for total in sums))


def predicted_and_true(
    images: Sequence[ImageOverlaps], score_thr: float, iou_thr: float = 0.5
) -> tuple[Values, Values]:
    """Predicted IoU, and IoU with the best object of its class, of the detections above a score.

    Args:
        images: The set, with ``iou_scores``.
        score_thr: Least score of a detection that takes part.
        iou_thr: An excused detection takes part only if it has an object at this IoU.
    """
    predicted: list[Values] = [np.zeros(0)]
    true: list[Values] = [np.zeros(0)]
    for image in images:
        assert image.iou_scores is not None
        best = image.best_ious()
        chosen = (image.scores >= score_thr) & (~image.excused | (best >= iou_thr))
        predicted.append(image.iou_scores[chosen])
        true.append(best[chosen])
    return np.concatenate(predicted), np.concatenate(true)


def iou_calibration(predicted: Values, true: Values) -> dict[str, float]:
    """What is reported of ``(n,)`` predicted and true IoUs.

    Returns:
        ``IoU_MAE``, ``IoU_ECE``, ``IoU_pearson`` and ``IoU_spearman``; NaN where undefined.
    """
    pearson, spearman = correlate(predicted, true)
    return {
        "IoU_MAE": float(abs(predicted - true).mean()) if len(true) else _NAN,
        "IoU_ECE": reliability(predicted, true).error(),
        "IoU_pearson": pearson,
        "IoU_spearman": spearman,
    }


def laece(outcomes: Outcomes, score_thr: float, bins: int = LAECE_BINS) -> float:
    """LaECE of the scores of one class: they should be precision times mean IoU of the true.

    Args:
        outcomes: The class.
        score_thr: Least score of a detection that takes part.
        bins: Of equal width over [0, 1].

    Returns:
        In [0, 1]; NaN if no detection takes part.
    """
    chosen = outcomes.scores >= score_thr
    # The mean over a bin of IoU, 0 for false ones, is precision times mean IoU of the true ones.
    quality = np.where(outcomes.true, outcomes.ious, 0.0)
    return reliability(outcomes.scores[chosen], quality[chosen], bins).error()


def mean_laece(classes: Sequence[Outcomes], score_thr: float) -> float:
    """Mean over the classes of which a detection takes part; NaN if there is none."""
    errors = [laece(one, score_thr) for one in classes]
    known = [error for error in errors if not np.isnan(error)]
    return float(np.mean(known)) if known else _NAN


def calibration_report(
    images: Sequence[ImageOverlaps], classes: Sequence[Outcomes], score_thr: float
) -> tuple[dict[str, float], str]:
    """What the metrics report, and the reliability curve of the predicted IoUs as a table.

    Args:
        images: The set, with ``iou_scores``.
        classes: Outcomes of each class, for LaECE.
        score_thr: Least score of a detection that takes part.
    """
    predicted, true = predicted_and_true(images, score_thr)
    report = iou_calibration(predicted, true) | {"LaECE": mean_laece(classes, score_thr)}
    return report, reliability(predicted, true).table()
