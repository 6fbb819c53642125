"""The quantizer's command line."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmeiou.apis import FaceDetector
from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.registry import MODELS


@pytest.fixture(scope="module")
def files(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantize")
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    export_onnx(model, folder / "float.onnx", (64, 64), dynamic=True)
    export_onnx(model, folder / "nms.onnx", (64, 64), with_nms=True)
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    for index in range(3):
        noise = random.integers(0, 256, (80, 100, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"images/{index}.png"), noise)
    return folder


def run(repo: Path, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repo / "tools/quantize_onnx.py", *args]
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )


def test_quantizes_by_a_folder(repo: Path, files: Path, tmp_path: Path) -> None:
    out = tmp_path / "new/int8.onnx"
    given = (files / "float.onnx", files / "images", "--size", 64, 64, "--max-error", 9)
    done = run(repo, *given, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("of float's latency") == 7
    assert f"{out}: error 0." in done.stdout
    assert "Please consider" not in done.stderr
    kinds = {tensor.data_type for tensor in onnx.load(out).graph.initializer}
    assert onnx.TensorProto.INT8 in kinds
    assert out.stat().st_size < 0.5 * (files / "float.onnx").stat().st_size
    sizes = [(30, 40), (200, 100)]  # of any size still
    FaceDetector(out)([np.zeros((*size, 3), np.uint8) for size in sizes])


def test_where_nothing_can_be_written_nothing_is_searched(
    repo: Path, files: Path, tmp_path: Path
) -> None:
    given = (files / "float.onnx", files / "images", "--size", 64, 64)
    done = run(repo, *given, "--out", tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith(f"error: {tmp_path} is a folder, not a file to write")
    assert "latency" not in done.stdout


@pytest.mark.parametrize("options", [("--max-landmark-error", -1), ("--max-error", -0.1)])
def test_a_negative_budget_is_refused(repo: Path, tmp_path: Path, options: tuple) -> None:
    done = run(repo, "a.onnx", "images", "--out", tmp_path / "b.onnx", *options)
    assert done.returncode == 2
    assert "must not be negative" in done.stderr


@pytest.mark.parametrize(
    ("model", "images", "options", "message"),
    [
        ("float.onnx", "empty", (), "empty: no images"),
        ("float.onnx", "one", (), "at least two images, got 1"),
        ("float.onnx", "broken", (), "broken/a.png: not an image"),
        ("missing.onnx", "images", (), "missing.onnx not found"),
        ("nms.onnx", "images", (), "without --with-nms"),
        ("float.onnx", "images", ("--size", 100, 64), "100 64: must be positive multiples of 32"),
    ],
)
def test_bad_input_writes_nothing(
    repo: Path, files: Path, tmp_path: Path, model: str, images: str, options: tuple, message: str
) -> None:
    for folder in ("empty", "one", "broken"):
        (files / folder).mkdir(exist_ok=True)
    (files / "one/a.png").write_bytes((files / "images/0.png").read_bytes())
    for name in ("a", "broken"):
        (files / f"broken/{name}.png").write_bytes(b"no picture")
    done = run(repo, files / model, files / images, *options, "--out", tmp_path / "out/int8.onnx")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
