import subprocess
import sys
from pathlib import Path

import onnxruntime
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

CONFIG = "configs/yunet/yunet-s_2xb16-640e_widerface.py"


def export(repo: Path, checkpoint: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, repo / "tools/export_onnx.py", repo / CONFIG, checkpoint, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def checkpoint_of(repo: Path, config: str, path: Path) -> Path:
    cfg = Config.fromfile(repo / config)
    init_default_scope(cfg.default_scope)
    torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, path)
    return path


def test_exports_and_says_what(repo: Path, tmp_path: Path) -> None:
    checkpoint = checkpoint_of(repo, CONFIG, tmp_path / "s.pth")
    out = tmp_path / "s.onnx"
    done = export(repo, checkpoint, "--size", "300", "200", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "300 x 200 is no multiple of 32: rounded up to 320 x 224" in done.stdout
    assert f"{out}: {out.stat().st_size / 1000:.0f} kB, input 320 x 224" in done.stdout
    assert onnxruntime.InferenceSession(out).get_inputs()[0].shape == [1, 3, 224, 320]


def test_size_in_strict_mode(repo: Path, tmp_path: Path) -> None:
    checkpoint = checkpoint_of(repo, CONFIG, tmp_path / "s.pth")
    out = tmp_path / "x.onnx"
    done = export(repo, checkpoint, "--out", str(out), "--size", "300", "200", "--strict")
    assert done.returncode == 1
    assert "write --size 320 224" in done.stderr
    assert not out.exists()


def test_checkpoint_of_another_architecture(repo: Path, tmp_path: Path) -> None:
    other = checkpoint_of(repo, "configs/yunet/yunet-n_2xb16-640e_widerface.py", tmp_path / "n.pth")
    out = tmp_path / "x.onnx"
    done = export(repo, other, "--out", str(out))
    assert done.returncode == 1
    assert "the checkpoint does not fit YuNet" in done.stderr
    assert not out.exists()


def test_what_cannot_be_loaded_is_said_without_a_traceback(repo: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.pth"
    page.write_text("<html>404 Not Found</html>")
    for checkpoint, reason in (
        (page, "page.pth cannot be read as a checkpoint"),
        (tmp_path / "absent.pth", "absent.pth not found"),
    ):
        done = export(repo, checkpoint, "--out", str(tmp_path / "x.onnx"))
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("export_onnx: ")
        assert reason in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "x.onnx").exists()
