"""A signal loses nothing. More of them: `try_signal`."""

from pathlib import Path

import pytest
from reliability.signals import try_signal


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_loses_nothing(seed: int, tmp_path: Path) -> None:
    outcome = try_signal(seed, tmp_path / f"signal_{seed}")
    assert outcome.survived, outcome.what
