import subprocess
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmeiou.deploy.browser.runtime import FILES
from mmeiou.deploy.onnx_export import export_onnx


def run(repo: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, repo / "tools/export_browser.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_makes_the_folder_or_says_why_not(repo: Path, tmp_path: Path) -> None:
    cfg = Config.fromfile(repo / "configs/yunet/yunet-s_2xb16-640e_widerface.py")
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model, site, runtime = tmp_path / "own.onnx", tmp_path / "site", tmp_path / "runtime"
    export_onnx(MODELS.build(cfg.model).eval(), model, (64, 64))
    runtime.mkdir()
    done = run(repo, model, "--out", site, "--onnxruntime-web", runtime)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"export_browser: --onnxruntime-web {runtime}")
    assert "Traceback" not in done.stderr
    assert not site.exists()

    for name in FILES:
        (runtime / name).write_bytes(bytes(100_000))
    done = run(repo, model, "--out", model, "--onnxruntime-web", runtime)
    assert "own.onnx is a file; name a folder" in done.stderr
    done = run(repo, model, "--out", site, "--onnxruntime-web", runtime)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"python -m http.server --directory {site}"
    assert {file.name for file in site.iterdir()} >= {"index.html", "own.onnx", "onnxruntime"}
