"""Tools of tools/analysis where ONNX Runtime is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.tiny_model import TinyModel, write_tiny_model
from wider_files import write_ground_truth

from mmeiou.labels.landmarks import FACE_LANDMARKS


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with landmarks, WIDER FACE's labels, and a package that cannot be imported."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images/a.png"), np.zeros((64, 64, 3), np.uint8))
    header = ",".join(f"{name}_x,{name}_y" for name in FACE_LANDMARKS)
    row = "a.png,10,10,40,40,18,20,32,20,25,27,20,34,30,34"
    (folder / "landmarks.csv").write_text(f"image,x1,y1,x2,y2,{header}\n{row}\n")
    write_ground_truth(folder / "labelv2/val/gt")
    (folder / "absent/onnxruntime").mkdir(parents=True)
    (folder / "absent/onnxruntime/__init__.py").write_text("raise ModuleNotFoundError('absent')\n")
    return folder


@pytest.fixture(scope="module")
def tiny(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return write_tiny_model(repo, tmp_path_factory.mktemp("tiny"))


def run(
    repo: Path, root: Path, name: str, *arguments: object
) -> "subprocess.CompletedProcess[str]":
    paths = [str(root / "absent"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, repo / f"tools/analysis/{name}.py", *map(str, arguments)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "options", "shown"),
    [
        ("landmark_error", ("--data", "."), "| c.pth | as it is |"),
        ("robustness", ("--landmarks", ".", "--corruptions", "grey"), "| grey | 1 |"),
    ],
)
def test_pytorch_alone_is_measured(
    repo: Path, root: Path, tiny: TinyModel, name: str, options: tuple[str, ...], shown: str
) -> None:
    done = run(repo, root, name, *options, "--torch", tiny.config, tiny.checkpoint)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("landmark_error", ("--data", ".", "{model}")),
        ("landmark_error", ("--data", ".", "--scrfd", "{model}")),
        ("robustness", ("--landmarks", ".", "{model}")),
        ("deployed_ap", (".", "--onnx", "{model}")),
        ("runtimes", ("{model}", "--widerface", ".", "--faces", ".", "--csv", "a.csv")),
    ],
)
def test_the_command_that_installs_it_is_told(
    repo: Path, root: Path, tiny: TinyModel, name: str, options: tuple[str, ...]
) -> None:
    done = run(repo, root, name, *(word.format(model=tiny.dynamic) for word in options))
    assert done.returncode == 1
    assert done.stderr.endswith(
        "\nerror: FaceDetector runs .onnx files by ONNX Runtime: pip install 'mmeiou[deploy]'\n"
    )
    assert "Traceback" not in done.stderr
