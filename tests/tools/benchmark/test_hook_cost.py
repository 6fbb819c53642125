"""tools/benchmark/hook_cost.py times every step, and no hook of another's."""

from argparse import Namespace
from pathlib import Path

import pytest
from tiny_faces import write_tiny_faces


def test_every_step_is_timed(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repo / "tools/benchmark"))
    import hook_cost  # noqa: PLC0415

    faces = write_tiny_faces(tmp_path / "faces")
    args = Namespace(
        data_root=faces, steps=4, batch_size=2, size=64, child="shipped", workers=0
    )  # fmt: skip
    steps = hook_cost.measure(args)
    assert list(steps) == [*hook_cost.HOOKS, "step"]
    assert all(len(seconds) == 4 for seconds in steps.values())
    # what the guard calls is not its own
    assert all(own > 0 for name in hook_cost.HOOKS for own in steps[name])
