"""Means over classes and thresholds."""

import math

import numpy as np
import pytest

from mmeiou.evaluation.strict_ap import class_table, mean_aps

# A class that reaches 1 - k / 10 at the k-th threshold, and one that is half as good.
APS = np.outer(1 - np.arange(10) / 10, [1.0, 0.5])


def test_thresholds_are_found_by_their_percent() -> None:
    mean, at = mean_aps(APS)
    # Mean of 1, 0.9, ..., 0.1 is 0.55; of both classes three quarters of it.
    assert mean == pytest.approx(0.55 * 0.75)
    # 0.50, 0.60, 0.70, 0.75, 0.80 and 0.90 are numbers 0, 2, 4, 5, 6 and 8.
    firsts = {50: 1.0, 60: 0.8, 70: 0.6, 75: 0.5, 80: 0.4, 90: 0.2}
    assert at == pytest.approx({percent: 0.75 * ap for percent, ap in firsts.items()})


def test_classes_without_objects_do_not_count() -> None:
    absent = np.full((10, 1), np.nan)
    assert mean_aps(np.hstack([absent, APS])) == mean_aps(APS)
    mean, at = mean_aps(absent)
    assert math.isnan(mean)
    assert all(math.isnan(ap) for ap in at.values())


def test_table_ends_with_the_mean() -> None:
    head, cat, _, mean = class_table(["cat", "motorbike"], APS).splitlines()
    assert head.split() == ["class", "AP", "AP50", "AP60", "AP70", "AP75", "AP80", "AP90"]
    numbers = [0.55, 1.0, 0.8, 0.6, 0.5, 0.4, 0.2]
    assert cat.split() == ["cat", *(f"{number:.4f}" for number in numbers)]
    assert mean.split()[:3] == ["mean", "0.4125", "0.7500"]
