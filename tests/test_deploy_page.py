"""The Python blocks of docs/deploy.md run, on a photograph, and the C++ block compiles."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.markdown import code_to_run
from mmengine.config import Config
from skimage import data

from mmeiou.config import load_detector
from mmeiou.deploy.onnx_export import export_onnx

PAGE = Path(__file__).resolve().parents[1] / "docs" / "deploy.md"
FACE = np.array([178, 65, 269, 176])  # of the astronaut
OUR_CONTRACT = "4.8"  # the OpenCV from which on FaceDetectorYN decodes it


def released_yunet(repo: Path, shared_data: Path) -> torch.nn.Module:
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    return load_detector(cfg, str(shared_data / "weights/yunet_n.pth"))


def test_blocks_find_the_astronaut(
    repo: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = released_yunet(repo, shared_data)
    export_onnx(model, tmp_path / "yunet.onnx")
    export_onnx(model, tmp_path / "yunet_nms.onnx", with_nms=True, dynamic=True)
    cv2.imwrite(str(tmp_path / "photo.jpg"), data.astronaut()[:, :, ::-1])
    monkeypatch.chdir(tmp_path)
    blocks = code_to_run(PAGE, "python")
    scopes: list[dict] = [{} for _ in blocks]
    for block, scope in zip(blocks, scopes, strict=True):
        exec(block, scope)  # noqa: S102 - our own documentation
    api, opencv, runtime = scopes
    assert (tmp_path / "found.jpg").is_file()
    x, y, w, h = opencv["faces"][0, :4]
    np.testing.assert_allclose(api["faces"].boxes[0], [x, y, x + w, y + h], atol=1)
    np.testing.assert_allclose(runtime["boxes"][0], [x, y, x + w, y + h], atol=1)
    assert np.abs(runtime["boxes"][0] - FACE).max() < 30
    # The square root of the product.
    assert opencv["faces"][0, 14] ** 2 == pytest.approx(runtime["scores"][0], abs=0.01)


def pkg_config(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("pkg-config")
    if program is None:
        pytest.skip("no pkg-config to find OpenCV's headers for the C++ block with")
    return subprocess.run(
        [program, *arguments, "opencv4"], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def cpp_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = pkg_config("--cflags", "--libs")
    compiler = shutil.which("g++")
    if flags.returncode or compiler is None:
        pytest.skip("no g++, or no opencv4 for pkg-config, to compile the C++ block with")
    (block,) = code_to_run(PAGE, "cpp")
    program = tmp_path_factory.mktemp("cpp") / "detect"
    source = program.with_suffix(".cpp")
    source.write_text(block)
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", source, "-o", program]
    done = subprocess.run(
        [*command, *flags.stdout.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


def test_cpp_block_compiles_and_links(cpp_program: Path) -> None:
    assert cpp_program.is_file()


def test_cpp_block_finds_the_astronaut(
    cpp_program: Path, repo: Path, shared_data: Path, tmp_path: Path
) -> None:
    if pkg_config(f"--atleast-version={OUR_CONTRACT}").returncode:
        pytest.skip(f"this OpenCV is older than {OUR_CONTRACT}: FaceDetectorYN decodes other files")
    export_onnx(released_yunet(repo, shared_data), tmp_path / "yunet.onnx")
    photo = data.astronaut()[:, :, ::-1]
    cv2.imwrite(str(tmp_path / "photo.jpg"), photo)
    assert subprocess.run([cpp_program], cwd=tmp_path, check=False).returncode == 0
    cv2.imwrite(str(tmp_path / "photo.jpg"), np.zeros_like(photo))
    assert subprocess.run([cpp_program], cwd=tmp_path, check=False).returncode == 1
