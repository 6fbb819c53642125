"""No process waits for ever for one that is lost. More of them: `try_lost_process`."""

import sys
from pathlib import Path

import pytest
from reliability.lost_processes import try_lost_process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")


@pytest.mark.parametrize("seed", range(2))
def test_the_other_process_ends(seed: int, tmp_path: Path) -> None:
    outcome = try_lost_process(seed, tmp_path)
    assert outcome.survived, outcome.what
