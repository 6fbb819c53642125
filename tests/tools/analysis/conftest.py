"""Run the tools of tools/analysis in this process, on a tiny set."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from tiny_faces import write_tiny_faces


@pytest.fixture
def run_tool(
    repo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Run ``tools/analysis/NAME.py`` with arguments; what it printed."""

    def run(name: str, *args: object) -> str:
        script = repo / "tools" / "analysis" / f"{name}.py"
        monkeypatch.syspath_prepend(str(script.parent))  # as Python does
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, args)])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def import_tool(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a tool, to look into it."""
    monkeypatch.syspath_prepend(str(repo / "tools" / "analysis"))
    return __import__


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root of a tiny set, where the quick start's config looks for its own."""
    root = write_tiny_faces(tmp_path / "faces")
    monkeypatch.setenv("MMEIOU_SAMPLE_FACES", f"{root}/")
    return root


@pytest.fixture
def config(repo: Path) -> Path:
    """The quick start's."""
    return repo / "configs/yunet/yunet-n_1xb16-quickstart_sample-faces.py"
