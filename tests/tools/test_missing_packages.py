"""A tool that needs a package which is not there says in a line how to get it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmeiou.cli import message_of


@pytest.mark.parametrize(
    ("tool", "arguments", "package", "extra"),
    [
        ("export_onnx", ("a.py", "a.pth", "--out", "a.onnx"), "onnx", "'mmeiou[deploy]'"),
        ("export_cpp", ("a.py", "a.pth", "--out", "a.cpp"), "mmcv", "'mmeiou[onedl]', or"),
        ("convert_onnx", ("a.onnx", "--out", "a.xml"), "onnxruntime", "'mmeiou[deploy]'"),
        ("quantize_onnx", ("a.onnx", "images", "--out", "b.onnx"), "onnx", "'mmeiou[deploy]'"),
        ("convert_weights", ("a.onnx", "a.pth"), "onnx", "'mmeiou[deploy]'"),
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
    assert f": {package} is missing: pip install {extra}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [absent]


def test_what_is_there_is_not_called_missing() -> None:
    with pytest.raises(ImportError, match="nothing") as lacks:
        from cv2 import nothing  # noqa: F401, PLC0415
    assert message_of(lacks.value) == str(lacks.value)
    part = ModuleNotFoundError("No module named 'mmcv._ext'", name="mmcv._ext")
    assert message_of(part) == "No module named 'mmcv._ext'"
