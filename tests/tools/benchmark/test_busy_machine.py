"""tools/benchmark/busy_machine.py: what it compares, and with what. Times are not tested."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "benchmark"))
    return importlib.import_module("busy_machine")


def test_ratios_are_to_the_best_quiet_and_to_half_the_machine(tool) -> None:
    taken = {}
    for name, factor in (("GNU's own", 1.0), ("passive", 2.0)):
        for work in tool.WORK:
            taken[name, work, False] = [0.010 * factor, 0.010 * factor, 9.0]
            taken[name, work, True] = [0.030 / factor]
    lines = tool.table(taken, ["GNU's own", "passive"]).splitlines()
    assert "| GNU's own | detection | 10.0 | 1.00 | 30.0 | 1.50 |" in lines
    assert "| passive | training | 20.0 | 2.00 | 15.0 | 0.75 |" in lines


def test_each_setting_runs_with_its_variables_alone(tool, monkeypatch) -> None:
    seen = {}

    def run(*_, env, **_options):
        seen.update(env)
        return type("Done", (), {"returncode": 0, "stdout": "INFO 1\n0.25\n"})

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(tool.subprocess, "run", run)
    assert tool.in_a_process("detection", {"GOMP_SPINCOUNT": "100"}, 1) == 0.25
    assert "OMP_NUM_THREADS" not in seen
    assert seen["GOMP_SPINCOUNT"] == "100"


@pytest.mark.parametrize("work", ["detection", "training"])
def test_what_is_timed_runs(tool, work) -> None:
    assert tool.measure(work, 0.01) > 0
