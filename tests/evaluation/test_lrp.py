"""LRP: by hand, and against a naive loop over score thresholds."""

import math

import numpy as np
import pytest

from mmeiou.evaluation.lrp import LRP, mean_lrp, optimal_lrp, threshold_table
from mmeiou.evaluation.outcomes import Outcomes


def outcomes(*rows: tuple[float, float, bool], num_truths: int) -> Outcomes:
    scores, ious, true = zip(*rows, strict=True) if rows else ((), (), ())
    return Outcomes(np.array(scores), np.array(ious), np.array(true, dtype=bool), num_truths)


def test_by_hand() -> None:
    """Four objects. LRP after each detection, tau 0.5, so that 1 - IoU counts twice:

    0.9 true, IoU 0.9: (0.2 + 0 + 3) / 4                   = 0.8
    0.8 true, IoU 0.7: (0.2 + 0.6 + 0 + 2) / 4             = 0.7
    0.7 false:         (0.8 + 1 + 2) / 5                   = 0.76
    0.6 true, IoU 0.8: (0.8 + 0.4 + 1 + 1) / 5             = 0.64, the least
    0.5 false:         (1.2 + 2 + 1) / 6                   = 0.7
    """
    found = outcomes(
        (0.9, 0.9, True),
        (0.8, 0.7, True),
        (0.7, 0.0, False),
        (0.6, 0.8, True),
        (0.5, 0.9, False),
        num_truths=4,
    )
    best = optimal_lrp(found, 0.5)
    # 1 - IoU of 0.1, 0.3 and 0.2; one of four detections false; one of four objects missed.
    assert best == pytest.approx((0.64, 0.2, 1 / 4, 1 / 4, 0.6))
    # The components weighted as in the paper: true ones by 1 / (1 - tau).
    assert best.error == pytest.approx((3 / 0.5 * 0.2 + 4 * 1 / 4 + 4 * 1 / 4) / 5)


def test_no_threshold_lies_between_equal_scores() -> None:
    """Without the false one it would be 0; with it (0 + 1 + 0) / 2."""
    found = outcomes((0.9, 1.0, True), (0.9, 0.0, False), num_truths=1)
    assert optimal_lrp(found, 0.5) == pytest.approx((0.5, 0, 0.5, 0, 0.9))


def test_true_at_the_threshold_itself_is_no_gain_but_has_components() -> None:
    """LRP is 1 before it and after it."""
    found = outcomes((0.9, 0.0, False), (0.8, 0.5, True), num_truths=1)
    assert optimal_lrp(found, 0.5) == pytest.approx((1, 0.5, 0.5, 0, 0.8))


def naive_lrp(found: Outcomes, iou_thr: float) -> list[float]:
    best = [1.0, math.nan, math.nan, 1.0, math.nan]
    for threshold in sorted(set(found.scores), reverse=True):
        rows = [
            (iou, true)
            for score, iou, true in zip(found.scores, found.ious, found.true, strict=True)
            if score >= threshold
        ]
        ious = [iou for iou, true in rows if true]
        false, missed = len(rows) - len(ious), found.num_truths - len(ious)
        parts = [(1 - iou) / (1 - iou_thr) for iou in ious] + [1.0] * (false + missed)
        error = sum(parts) / len(parts)
        if ious and (error < best[0] or math.isnan(best[1])):
            loc = sum(1 - iou for iou in ious) / len(ious)
            best = [error, loc, false / len(rows), missed / found.num_truths, threshold]
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("iou_thr", [0.0, 0.5, 0.75])
def test_is_the_naive_loop(seed: int, iou_thr: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    scores = np.sort(rng.integers(1, 30, n) / 30)[::-1]  # many are equal
    true = rng.random(n) < scores
    ious = rng.uniform(iou_thr, 1, n)
    found = Outcomes(scores, ious, true, int(true.sum() + rng.integers(1, 9)))
    np.testing.assert_allclose(optimal_lrp(found, iou_thr), naive_lrp(found, iou_thr), atol=1e-12)


def test_nothing_true_and_nothing_there() -> None:
    missed = optimal_lrp(outcomes((0.9, 0.3, False), num_truths=2), 0.5)
    np.testing.assert_array_equal(missed, [1, math.nan, math.nan, 1, math.nan])
    np.testing.assert_array_equal(optimal_lrp(outcomes(num_truths=2), 0.5), missed)
    absent = optimal_lrp(outcomes((0.9, 0.3, False), num_truths=0), 0.5)
    assert all(map(math.isnan, absent))
    found = LRP(0.5, 0.1, 0.2, 0.3, 0.7)
    assert mean_lrp([found, missed, absent]) == pytest.approx(
        {"oLRP": 0.75, "oLRP_Loc": 0.1, "oLRP_FP": 0.2, "oLRP_FN": 0.65}
    )
    assert all(map(math.isnan, mean_lrp([absent]).values()))


def test_table_has_the_threshold_of_each_class() -> None:
    head, row = threshold_table(["snake"], [LRP(0.5, 0.1, 0.2, 0.3, 0.7)]).splitlines()
    assert head.split() == ["class", "oLRP", "Loc", "FP", "FN", "score"]
    assert row.split() == ["snake", "0.5000", "0.1000", "0.2000", "0.3000", "0.7000"]
