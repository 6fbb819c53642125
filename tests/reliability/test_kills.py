"""Killed trainings: a few of the trials, and that they can fail."""

import sys

import pytest
from helpers.drawing_run import HOOKS
from reliability import kills
from reliability.kills import Form, try_kill

FORMS = [
    # by epoch, workers, bfloat16, averaged, accumulated, processes
    Form(True, 2, True, True, 3, 1),  # noqa: FBT003
    Form(False, 2, False, True, 3, 1),  # noqa: FBT003
    Form(True, 0, False, True, 1, 2),  # noqa: FBT003
]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")


@pytest.mark.parametrize("form", FORMS)
def test_a_killed_run_resumes_to_the_bit(tmp_path, form) -> None:
    outcome = try_kill(0, tmp_path / "trial", form)
    assert outcome.survived, outcome.what


def test_without_the_hook_it_does_not(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kills, "HOOKS", {"resume_validation": HOOKS["resume_validation"]})
    trials = (try_kill(seed, tmp_path / str(seed), FORMS[0]) for seed in range(5))
    assert not all(outcome.survived for outcome in trials)
