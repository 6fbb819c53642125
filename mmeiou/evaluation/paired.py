"""What a change brings, from few trainings of each with the same seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class PairedDifference(NamedTuple):
    """Mean of the differences of n pairs and how far it can be trusted.

    Attributes:
        number: n.
        mean: Mean difference, second minus first.
        std: Standard deviation of the differences, with n - 1; NaN for one pair.
        low: Lower end of the confidence interval of the mean; NaN for one pair.
        high: Upper end.
    """

    number: int
    mean: float
    std: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.number == 1:
            return f"{self.mean:+.4f} (one pair, no interval)"
        return f"{self.mean:+.4f} [{self.low:+.4f}, {self.high:+.4f}] ({self.number} pairs)"


def paired_difference(
    first: Sequence[float], second: Sequence[float], level: float = 0.95
) -> PairedDifference:
    """Compare two settings that were measured with the same n seeds.

    The interval is Student's, ``mean +- t std / sqrt(n)`` with n - 1 degrees of freedom, exact for
    normally distributed differences: with 2 seeds t is 12.7, with 3 it is 4.3, with 5 2.8. Where it
    contains 0, the seeds do not show which setting is better. One pair has no interval: its
    spread is unknown, not 0.

    Args:
        first: n values, of one setting.
        second: n values, of the other, in the same order of the seeds.
        level: Share of such intervals that contain the true mean, in (0, 1).

    Raises:
        ValueError: If the numbers of values differ or are 0, a value is not finite, or ``level`` is
            outside (0, 1).

    Example:
        >>> print(paired_difference([0.50, 0.52, 0.51], [0.53, 0.54, 0.55]))
        +0.0300 [+0.0052, +0.0548] (3 pairs)
    """
    if len(first) != len(second) or not len(first):
        raise ValueError(f"pairs are needed, got {len(first)} and {len(second)} values")
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    differences = np.subtract(second, first, dtype=float)
    if not np.isfinite(differences).all():
        raise ValueError(f"values must be finite, got {list(first)} and {list(second)}")
    number, mean = len(differences), float(differences.mean())
    if number == 1:
        nan = float("nan")
        return PairedDifference(1, mean, nan, nan, nan)
    from scipy.stats import t  # noqa: PLC0415 (slow to import)

    std = float(differences.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, number - 1)) * std / number**0.5
    return PairedDifference(number, mean, std, mean - half, mean + half)
