"""Shell and Python blocks of the documents run, here or in a page's own test, or say why not."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.markdown import Block, code_blocks
from mmengine.config import Config
from mmengine.registry import init_default_scope
from skimage import data
from tiny_faces import write_tiny_faces
from wider_files import write_ground_truth, write_text

from mmeiou.registry import MODELS

REPO = Path(__file__).resolve().parents[1]
PAGES = [REPO / "README.md", *sorted(REPO.glob("docs/*.md"))]
OWN_TESTS = {
    ("analysis.md", "bash"): "test_analysis_page.py",
    ("analysis.md", "python"): "test_analysis_page.py",
    ("custom_dataset.md", "bash"): "test_custom_dataset_page.py",
    ("custom_dataset.md", "python"): "test_custom_dataset_page.py",
    ("deploy.md", "python"): "test_deploy_page.py",
    ("finetuning.md", "bash"): "test_custom_dataset_page.py",
    ("finetuning.md", "python"): "test_custom_dataset_page.py",
    ("mix_in.md", "python"): "test_mix_in.py",
}
BLOCKS = [
    (page.name, block)
    for page in PAGES
    for block in code_blocks(page)
    if block.language in {"bash", "python"}
]
HERE = [
    (page, block)
    for page, block in BLOCKS
    if not block.reason and (page, block.language) not in OWN_TESTS
]


def test_every_block_has_somebody_who_runs_it(repo: Path) -> None:
    for (page, language), test in OWN_TESTS.items():
        assert page in (repo / "tests" / test).read_text(), f"{test} does not speak of {page}"
        assert any(
            (name, block.language) == (page, language) and not block.reason
            for name, block in BLOCKS
        )
    assert len(HERE) >= 8
    assert len(HERE) + sum(block.reason is not None for _, block in BLOCKS) >= 25


@pytest.fixture(scope="module")
def folder(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the blocks expect to find."""
    place = tmp_path_factory.mktemp("newcomer")
    for name in ("tools", "configs", "docs"):
        (place / name).symlink_to(repo / name)
    for name in ("widerface", "sample_faces"):
        root = write_tiny_faces(place / "data" / name)
        for image in (root / "WIDER_val/images/0--Squares").iterdir():
            cv2.imwrite(str(image.with_suffix(".jpg")), cv2.imread(str(image)))
        key = "0--Squares/0_Squares_0"
        write_ground_truth(root / "labelv2/val/gt", {key: ([[10, 10, 29, 29]], [[1], [1], [1]])})
        write_text(place / "DIR", key, "50 50 20 20 0.9")
    init_default_scope("mmdet")
    for size in "ns":
        cfg = Config.fromfile(repo / f"configs/yunet/yunet-{size}_2xb16-640e_widerface.py")
        weights = MODELS.build(cfg.model).state_dict()
        torch.save({"state_dict": weights}, place / f"yunet_{size}.pth")
    photo = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    cv2.imwrite(str(place / "photo.jpg"), photo)
    film = cv2.VideoWriter(
        str(place / "holiday.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 5, (512, 512)
    )
    for _ in range(3):
        film.write(photo)
    film.release()
    return place


@pytest.mark.parametrize("page", sorted({page for page, _ in HERE}))
def test_blocks_run_in_their_order(
    page: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for name, block in HERE:
        if name == page:
            run(block, folder)


def run(block: Block, folder: Path) -> None:
    if block.language == "python" and block.text.startswith("_base_"):
        (folder / "own.py").write_text(block.text)
        init_default_scope("mmdet")
        assert MODELS.build(Config.fromfile("own.py").model)
        return
    program = ["bash", "-euo", "pipefail", "-c", block.text]
    if block.language == "python":
        program = [sys.executable, "-c", block.text]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        program, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout[-1000:]}{done.stderr[-3000:]}"
