"""A tool that needs a package which is not there says in a line how to get it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("tool", "arguments", "package", "extra"),
    [
        ("export_onnx", ("a.py", "a.pth", "--out", "a.onnx"), "onnx", "deploy"),
        ("export_cpp", ("a.py", "a.pth", "--out", "a.cpp"), "mmcv", "onedl"),
        ("convert_onnx", ("a.onnx", "--out", "a.xml"), "onnxruntime", "deploy"),
        ("quantize_onnx", ("a.onnx", "images", "--out", "b.onnx"), "onnx", "deploy"),
        ("convert_weights", ("a.onnx", "a.pth"), "onnx", "deploy"),
    ],
)
def test_the_command_that_installs_it_is_told(
    repo: Path, tmp_path: Path, tool: str, arguments: tuple[str, ...], package: str, extra: str
) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    missing = f"raise ModuleNotFoundError('No module named {package}', name='{package}')\n"
    (absent / f"{package}.py").write_text(missing)
    command = [sys.executable, repo / "tools" / f"{tool}.py", *arguments]
    env = os.environ | {"PYTHONPATH": f"{absent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith(f": {package} is missing: pip install 'mmeiou[{extra}]'\n")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [absent]
