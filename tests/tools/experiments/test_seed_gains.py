"""Means, paired differences and what keeps apart what cannot be compared."""

import importlib

import pytest


@pytest.fixture
def tool(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / "tools/experiments"))
    return importlib.import_module("seed_gains")


def row(arm, seed, value, **changes):
    common = {"side": "64", "iters": "9", "lr": "0.1", "init": "", "options": "", "device": "cpu"}
    return {"arm": arm, "seed": seed, **common, "ap": str(value), **changes}


def lines(tool, rows):
    return tool.gains(rows, "arm", ("none", "a", "b"), "none", ("ap",)).splitlines()


def test_an_interval_without_0_is_bold(tool):
    # Differences of 10, 11, 12: deviation 1, t of two degrees of freedom 4.303: 4.303 / sqrt(3).
    rows = [row("none", str(seed), 0.1) for seed in range(3)]
    rows += [row("a", str(seed), 0.2 + seed / 100) for seed in range(3)]
    assert lines(tool, rows)[4:] == [
        "| none | 3 | 10.00 ± 0.00 |  |",
        "| a | 3 | 21.00 ± 1.00 | **+11.00 [+8.52, +13.48]** |",
    ]


def test_a_pair_has_no_interval_and_a_run_alone_no_gain(tool):
    rows = [row("b", "0", 0.4), row("a", "1", 0.3), row("none", "0", 0.1)]
    assert lines(tool, rows)[4:] == [
        "| none | 1 | 10.00 |  |",
        "| a | 1 | 30.00 |  |",
        "| b | 1 | 40.00 | +30.00 |",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": "H100"}, "9 steps of 16 crops of 64 pixels, from nothing, rate 0.1, H100:"),
        ({"iters": "7"}, "7 steps of 16 crops of 64 pixels, from nothing, rate 0.1, cpu:"),
        ({"side": "96"}, "9 steps of 16 crops of 96 pixels, from nothing, rate 0.1, cpu:"),
        ({"init": "n.pth"}, "9 steps of 16 crops of 64 pixels, from n.pth, rate 0.1, cpu:"),
        ({"options": "a=1"}, "9 steps of 16 crops of 64 pixels, from nothing, rate 0.1, a=1, cpu:"),
        ({"lr": "1"}, "9 steps of 16 crops of 64 pixels, from nothing, rate 1, cpu:"),
    ],
)
def test_budgets_are_not_mixed(tool, changes, said):
    rows = [row("none", "0", 0.1), row("a", "0", 0.2, **changes)]
    found = lines(tool, rows)
    assert found[0] == "9 steps of 16 crops of 64 pixels, from nothing, rate 0.1, cpu:"
    assert found[6] == said
    assert found[-1] == "| a | 1 | 20.00 |  |"
