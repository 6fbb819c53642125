"""Paired differences: by hand, SciPy's interval, and how often it holds the truth."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_rel

from mmeiou.evaluation.paired import paired_difference


def test_by_hand() -> None:
    """Differences 1, 2 and 3: mean 2, deviation 1; Student's t of 0.975 and 2 degrees 4.302653."""
    found = paired_difference([10, 20, 30], [11, 22, 33])
    half = 4.302653 / math.sqrt(3)
    assert found == pytest.approx((3, 2, 1, 2 - half, 2 + half), abs=1e-6)
    assert str(found) == "+2.0000 [-0.4841, +4.4841] (3 pairs)"


def test_two_seeds_are_few() -> None:
    """Differences 1 and 3: deviation sqrt(2), t is 12.7062, so that 2 - 12.7 is far below 0."""
    found = paired_difference([0, 0], [1, 3])
    assert found == pytest.approx((2, 2, math.sqrt(2), 2 - 12.706205, 2 + 12.706205), abs=1e-5)


def test_one_pair_has_no_interval() -> None:
    found = paired_difference([0.5], [0.52])
    assert found.mean == pytest.approx(0.02)
    assert np.isnan(found[2:]).all()
    assert str(found) == "+0.0200 (one pair, no interval)"


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_is_scipys_interval(level: float) -> None:
    first, second = np.random.default_rng(0).random((2, 6))
    expected = ttest_rel(second, first).confidence_interval(level)
    found = paired_difference(list(first), list(second), level)
    assert found[3:] == pytest.approx((expected.low, expected.high))


def test_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    """2000 experiments of 4 seeds each, within four deviations of the count."""
    rng = np.random.default_rng(0)
    noise = rng.normal(3, 2, (2000, 4))
    found = [paired_difference([0] * 4, list(row), 0.9) for row in noise]
    holds = sum(one.low <= 3 <= one.high for one in found)
    assert holds == pytest.approx(1800, abs=4 * math.sqrt(2000 * 0.9 * 0.1))


@pytest.mark.parametrize(
    ("first", "second", "level", "message"),
    [
        ([1], [1, 2], 0.95, "1 and 2 values"),
        ([], [], 0.95, "0 and 0 values"),
        ([1, math.nan], [1, 2], 0.95, "finite"),
        ([1, 2], [1, 2], 95, "level"),
    ],
)
def test_refuses_what_is_no_experiment(
    first: list[float], second: list[float], level: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        paired_difference(first, second, level)
