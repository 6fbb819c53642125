"""tools/benchmark/roofline.py counts what an operation moves and computes."""

import importlib
from pathlib import Path

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "benchmark"))
    return importlib.import_module("roofline")


def test_a_convolution_is_counted_in_both_passes(tool) -> None:
    layer = nn.Conv2d(4, 6, 3, groups=2, padding=1, bias=False)
    images = torch.rand(2, 4, 8, 10, requires_grad=True)
    with tool.Clock() as clock:
        layer(images).sum().backward()
    forward, backward = (clock.kinds[name] for name in ("convolution", "convolution, backward"))
    outputs, weights = 2 * 6 * 8 * 10, 6 * 2 * 9
    assert forward.operations == 2 * outputs * 2 * 9
    assert backward.operations == 2 * forward.operations  # of the images and of the weights
    assert forward.bytes == 4 * (images.numel() + weights + outputs)
    # The gradient comes as one expanded number; it counts as if it were whole.
    assert backward.bytes == 4 * (outputs + 2 * images.numel() + 2 * weights)
    assert forward.calls == backward.calls == 1


def test_views_move_nothing(tool) -> None:
    with tool.Clock() as clock:
        torch.rand(4, 4).t().reshape(-1)
    assert clock.kinds["t"].bytes == 0
    assert clock.kinds["rand"].bytes == 64


def test_the_limit_is_the_slower_of_both(tool) -> None:
    limits = tool.Limits(bytes=100, operations=1000)
    assert limits.seconds(tool.Spent(bytes=200, operations=1000)) == 2
    assert limits.seconds(tool.Spent(bytes=100, operations=5000)) == 5


def test_a_step_is_split_without_a_rest(tool) -> None:
    taken = list(tool.steps(1, 64, 1))
    lines = tool.table(taken, tool.Limits(1e12, 1e12))
    shares = [int(line.split(" | ")[3].rstrip("%")) for line in lines[3:-5]]
    assert 95 <= sum(shares) <= 105
    assert lines[3].startswith("| ")
    assert any(line.startswith("| everything else") for line in lines)
