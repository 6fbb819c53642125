"""Nothing is lost through mim either. More of them, and other faults: `mim_trials`."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from reliability.mim_trials import try_killed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="a group of processes is killed"),
    pytest.mark.skipif(find_spec("mim") is None, reason="no mim"),
]


def test_a_killed_mim_train_resumes_to_the_bit(tmp_path: Path) -> None:
    outcome = try_killed(0, tmp_path / "trial")
    assert outcome.survived, outcome.what
    assert "exit -9" in outcome.what, "it was not killed"
