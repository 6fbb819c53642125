"""Names of what is reported beside AP, and of sizes."""

import math

import pytest

from mmeiou.evaluation.extras import EXTRAS, area_ranges, checked_extras


def test_extras_by_name() -> None:
    assert checked_extras(EXTRAS) == set(EXTRAS)
    assert checked_extras("lrp") == {"lrp"}
    with pytest.raises(ValueError, match=r"must be of \('lrp'.*, got LRP"):
        checked_extras(["lrp", "LRP"])


def test_sizes_meet() -> None:
    assert area_ranges((16, 100)) == {"_s": (0, 16), "_m": (16, 100), "_l": (100, math.inf)}
    for bad in ((16,), (100, 16), (0, 16)):
        with pytest.raises(ValueError, match="two rising areas"):
            area_ranges(bad)
