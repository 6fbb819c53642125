"""No NaN stays in what a training keeps. More of them: `try_nan`."""

from pathlib import Path

from reliability.nan_trials import try_nan


def test_no_nan_is_kept(tmp_path: Path) -> None:
    outcomes = [try_nan(seed, tmp_path / str(seed)) for seed in range(6)]
    assert [one.what for one in outcomes if not one.survived] == []
    assert len({one.what for one in outcomes}) == len(outcomes)
