import subprocess
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

CONFIGS = "configs/yunet/yunet-{}_2xb16-640e_widerface.py"


def export(repo: Path, size: str, folder: Path, out: Path) -> subprocess.CompletedProcess[str]:
    cfg = Config.fromfile(repo / CONFIGS.format(size))
    init_default_scope(cfg.default_scope)
    checkpoint = folder / "weights.pth"
    torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, checkpoint)
    tool, config = repo / "tools/export_cpp.py", repo / CONFIGS.format(size)
    return subprocess.run(
        [sys.executable, tool, config, checkpoint, "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )


def test_writes_and_says_what(repo: Path, tmp_path: Path) -> None:
    out = tmp_path / "src" / "facedetectcnn-data.cpp"
    done = export(repo, "s", tmp_path, out)
    assert done.returncode == 0, done.stderr
    # Parameters of YuNet_s, less those of the norms, and five zeros for each channel of the stem.
    cfg = Config.fromfile(repo / CONFIGS.format("s"))
    model = MODELS.build(cfg.model)
    norms = sum(
        parameter.numel()
        for module in model.modules()
        if isinstance(module, torch.nn.BatchNorm2d)
        for parameter in module.parameters()
    )
    numbers = sum(parameter.numel() for parameter in model.parameters()) - norms + 16 * 5
    size = f"{out.stat().st_size / 1000:.0f} kB"
    assert done.stdout.splitlines()[-1] == f"{out}: {size}, 53 convolutions, {numbers} numbers"
    assert "ConvInfoStruct param_pConvInfo[53]" in out.read_text()


def test_what_the_library_cannot_run_is_said_without_a_traceback(
    repo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "d.cpp"
    done = export(repo, "n", tmp_path, out)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("export_cpp: libfacedetection predicts from the")
    assert "Traceback" not in done.stderr
    assert not out.exists()
    done = export(repo, "s", tmp_path, tmp_path)
    assert "is a folder; name a file in it" in done.stderr
