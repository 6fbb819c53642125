"""OpenCV's FaceDetectorYN with our export of the released weights and with the authors' own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmeiou.config import load_detector
from mmeiou.deploy.onnx_export import export_onnx


def compare(repo: Path, *files: Path, images: Path) -> subprocess.CompletedProcess[str]:
    tool = repo / "tools/analysis/compare_faces.py"
    return subprocess.run(
        [sys.executable, tool, *files, images, "--scale", "0.4"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("dynamic", [False, True], ids=["fixed", "dynamic"])
def test_same_faces_as_the_authors_export(
    repo: Path, shared_data: Path, tmp_path: Path, dynamic: bool
) -> None:
    """On images of many sizes, so the fixed graph has to work at sizes it was not made for."""
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    model = load_detector(cfg, str(shared_data / "weights/yunet_n.pth"))
    export_onnx(model, tmp_path / "ours.onnx", (640, 640), dynamic=dynamic)
    done = compare(
        repo,
        tmp_path / "ours.onnx",
        shared_data / "weights/yunet_n_640_640.onnx",
        images=shared_data / "widerface/WIDER_val/images",
    )
    assert done.returncode == 0, done.stdout
    found = re.search(r"(\d+) faces in (\d+) images of (\d+) sizes", done.stdout)
    assert found
    faces, images, sizes = map(int, found.groups())
    assert faces > 500
    assert images == 50
    assert sizes > 10


def test_another_models_faces_are_told_apart(repo: Path, shared_data: Path) -> None:
    weights = shared_data / "weights"
    done = compare(
        repo,
        weights / "yunet_n_640_640.onnx",
        weights / "yunet_s_640_640.onnx",
        images=shared_data / "widerface/WIDER_val/images/0--Parade",
    )
    assert done.returncode == 1
    assert "another number of faces" in done.stdout


def test_a_folder_without_images(repo: Path, tmp_path: Path) -> None:
    done = compare(repo, tmp_path / "a.onnx", tmp_path / "b.onnx", images=tmp_path)
    assert done.returncode == 1
    assert f"no .jpg or .png below {tmp_path}" in done.stderr
