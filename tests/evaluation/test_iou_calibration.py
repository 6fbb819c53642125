"""Predicted against true IoU, and scores against precision times IoU: by hand and naively."""

import math

import numpy as np
import pytest

from mmeiou.evaluation.image_overlaps import ImageOverlaps
from mmeiou.evaluation.iou_calibration import (
    calibration_report,
    correlate,
    iou_calibration,
    laece,
    mean_laece,
    predicted_and_true,
    reliability,
)
from mmeiou.evaluation.outcomes import Outcomes


def test_correlations_by_hand() -> None:
    true = np.array([0.1, 0.2, 0.3, 0.6])
    # A rising curve that is no line: ranks agree.
    found = correlate(np.array([0.10, 0.11, 0.12, 0.5]), true)
    assert found.spearman == pytest.approx(1)
    assert found.pearson == pytest.approx(np.corrcoef([0.10, 0.11, 0.12, 0.5], true)[0, 1])
    # Deviations -2, -1, 0, 3 and -1, -1, -1, 3: products 2 + 1 + 0 + 9, squares 14 and 12.
    assert correlate(np.array([0, 0, 0, 1.0]), true).pearson == pytest.approx(12 / np.sqrt(14 * 12))
    assert correlate(-true, true) == pytest.approx((-1, -1))
    for estimate, truth in ((np.ones(4), true), (true, np.ones(4)), (true[:2], true[:2])):
        assert np.isnan(correlate(estimate, truth)).all()


def test_reliability_by_hand() -> None:
    """Bins of a half: 0.1 and 0.3 are 0.2 and 0.6 in truth, 0.5 is 0.9; 1 and 1.2 are 0.8 and 1."""
    predicted = np.array([0.1, 0.5, 1.0, 0.3, 1.2])
    true = np.array([0.2, 0.9, 0.8, 0.6, 1.0])
    curve = reliability(predicted, true, bins=2)
    assert curve.number.tolist() == [2, 3]
    assert curve.predicted == pytest.approx([0.2, 0.9])
    assert curve.true == pytest.approx([0.4, 0.9])
    assert curve.error() == pytest.approx(2 / 5 * 0.2)
    assert curve.table().splitlines()[1].split() == ["2", "0.2000", "0.4000"]
    # With bins of a tenth four are filled: the last two values share one.
    assert reliability(predicted, true).number.tolist() == [1, 1, 1, 2]
    report = iou_calibration(predicted, true)
    assert report["IoU_MAE"] == pytest.approx((0.1 + 0.4 + 0.2 + 0.3 + 0.2) / 5)
    assert report["IoU_ECE"] == pytest.approx((0.1 + 0.4 + 2 * 0.2 + 0.3) / 5)


def test_best_object_of_its_class() -> None:
    ious = np.array([[0.6, 0.9], [0.3, 0.8], [0.2, 0.0], [0.7, 0.0]])
    one = ImageOverlaps(
        scores=np.array([0.9, 0.8, 0.7, 0.2]),
        labels=np.array([0, 1, 0, 0]),
        truth_labels=np.array([0, 1]),
        ious=ious,
        excused=np.array([True, False, True, False]),
        iou_scores=np.array([0.55, 0.75, 0.15, 0.65]),
    )
    np.testing.assert_allclose(one.best_ious(), [0.6, 0.8, 0.2, 0.7])
    # The third lies on something ignored and has no object; the fourth scores too little.
    predicted, true = predicted_and_true([one], score_thr=0.5)
    np.testing.assert_allclose(predicted, [0.55, 0.75])
    np.testing.assert_allclose(true, [0.6, 0.8])
    nothing = ImageOverlaps(*(np.zeros(0),) * 3, np.zeros((0, 0)), np.zeros(0, bool), np.zeros(0))
    assert all(map(math.isnan, iou_calibration(*predicted_and_true([nothing], 0.5)).values()))


def naive_laece(found: Outcomes, score_thr: float, bins: int) -> float:
    """The paper's: precision of a bin times mean IoU of what is true there."""
    rows = [
        row for row in zip(found.scores, found.ious, found.true, strict=True) if row[0] >= score_thr
    ]
    error = 0.0
    for k in range(bins):
        own = [row for row in rows if k / bins <= row[0] < (k + 1) / bins]
        ious = [iou for _, iou, true in own if true]
        if not own:
            continue
        quality = len(ious) / len(own) * (sum(ious) / len(ious)) if ious else 0
        confidence = sum(score for score, *_ in own) / len(own)
        error += len(own) / len(rows) * abs(confidence - quality)
    return error


@pytest.mark.parametrize("seed", range(4))
def test_laece_is_the_papers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.sort(rng.random(200))[::-1]
    found = Outcomes(scores, rng.uniform(0.5, 1, 200), rng.random(200) < scores, 150)
    error = laece(found, 0.3)
    assert 0.05 < error < 0.5
    assert error == pytest.approx(naive_laece(found, 0.3, 25))


def test_mean_over_the_classes_with_detections() -> None:
    """0.9 should be precision 1/2 times IoU 0.8."""
    half = Outcomes(np.array([0.9, 0.9]), np.array([0.8, 0.9]), np.array([True, False]), 1)
    none = Outcomes(np.zeros(0), np.zeros(0), np.zeros(0, bool), 1)
    assert mean_laece([half, none], 0.5) == pytest.approx(0.5)
    assert math.isnan(mean_laece([half, none], 0.95))
    report, _ = calibration_report([], [half, none], 0.5)
    assert list(report) == ["IoU_MAE", "IoU_ECE", "IoU_pearson", "IoU_spearman", "LaECE"]
    assert report["LaECE"] == pytest.approx(0.5)
