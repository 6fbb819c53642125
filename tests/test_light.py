"""Rooms that promise to be light import nothing heavy, in any of their modules."""

import subprocess
import sys

import pytest

MM = ("mmdet", "mmcv", "mmengine")
SCRIPT = """
import importlib, pkgutil, sys

room = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(getattr(room, "__path__", ()), room.__name__ + "."):
    importlib.import_module(module.name)
tops = {name.partition(".")[0] for name in sys.modules}
print(*sorted(tops.intersection(sys.argv[2:])))
"""


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("functional", (*MM, "cv2")),
        ("labels", ("torch", *MM)),
        # MMEngine chooses its device when it is imported.
        ("config", ("torch", *MM)),
        ("cli", ("torch", *MM)),
    ],
)
def test_imports_nothing_heavy(room: str, forbidden: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", SCRIPT, f"mmeiou.{room}", *forbidden]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_detector_loads_no_data_and_no_training() -> None:
    script = "import sys, mmeiou.apis.torch_backend; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "mmdet.models" in loaded
    assert not loaded & {"mmdet.engine", "mmeiou.engine", "mmeiou.datasets"}
