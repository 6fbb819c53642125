"""The converter's command line; what it converts is tested in tests/deploy/conversion."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.tiny_model import TinyModel, write_tiny_model


@pytest.fixture(scope="module")
def tiny(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return write_tiny_model(repo, tmp_path_factory.mktemp("convert"))


def run(repo: Path, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repo / "tools/convert_onnx.py", *args]
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )


def test_converts_and_says_how_near(repo: Path, tiny: TinyModel, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    out = tmp_path / "new/yunet.xml"
    done = run(repo, tiny.dynamic, "--out", out, "--half")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{out}: largest difference from {tiny.dynamic} in ONNX Runtime")


@pytest.mark.parametrize(
    ("source", "out", "message"),
    [
        ("none.onnx", "a.xml", "none.onnx not found"),
        ("c.pth", "a.xml", "c.pth cannot be opened by ONNX Runtime"),
        ("d.onnx", "a.engine", "a.engine: expected a file of .xml"),
    ],
)
def test_bad_input_writes_nothing(
    repo: Path, tiny: TinyModel, tmp_path: Path, source: str, out: str, message: str
) -> None:
    done = run(repo, tiny.dynamic.parent / source, "--out", tmp_path / "new" / out)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "new").exists()
