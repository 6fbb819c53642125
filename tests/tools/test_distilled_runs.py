"""Trainings with a teacher: moving averages, low precision, resuming, several processes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.drawing_run import differences, state, train
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from tiny_faces import write_tiny_faces

from mmeiou.registry import MODELS

NAME = "yunet-s_distilled-from-n_2xb16-640e_widerface.py"
EPOCHS = 2


@pytest.fixture(scope="module")
def config(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped config on a dozen tiny pictures, with a moving average."""
    root = tmp_path_factory.mktemp("distilled")
    write_tiny_faces(root / "faces")
    init_default_scope("mmdet")
    torch.manual_seed(1)
    teacher = MODELS.build(
        Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py").model
    )
    teacher.init_weights()
    torch.save(teacher.state_dict(), root / "teacher.pth")
    cfg = Config.fromfile(repo / "configs/yunet" / NAME)
    cfg.model.teacher.checkpoint = str(root / "teacher.pth")
    data = {"data_root": str(root / "faces")}
    small = {"batch_size": 4, "num_workers": 0, "persistent_workers": False}
    cfg.merge_from_dict({"train_dataloader": {**small, "dataset": data}})
    cfg.train_dataloader.dataset.pipeline[3].scale = (64, 64)
    cfg.train_cfg = {"by_epoch": True, "max_epochs": EPOCHS}
    cfg.param_scheduler = [{"type": "LinearLR", "by_epoch": False, "end": 5}]
    cfg.default_hooks.checkpoint = {"type": "mmeiou.CheckpointHook", "interval": 1}
    cfg.custom_hooks = [{"type": "EMAHook"}]
    cfg.randomness = {"seed": 0}
    for part in ("val", "test"):
        for key in ("dataloader", "evaluator", "cfg"):
            cfg.pop(f"{part}_{key}")
    cfg.dump(root / "small.py")
    return root / "small.py"


def runner(config: Path, work_dir: Path, **options: Any) -> Runner:
    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.experiment_name = str(work_dir), f"distilled_{work_dir}"
    cfg.merge_from_dict(options)
    return Runner.from_cfg(cfg)


@pytest.mark.parametrize("precision", ["OptimWrapper", "mmeiou.BFloat16OptimWrapper"])
def test_a_resumed_run_ends_like_an_uninterrupted_one(
    config: Path, tmp_path: Path, precision: str
) -> None:
    options = {"optim_wrapper.type": precision}
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train(runner(config, whole, **options))
    first = str(whole / "epoch_1.pth")
    train(runner(config, resumed, load_from=first, resume=True, **options))
    last = f"epoch_{EPOCHS}.pth"
    assert differences(whole / last, resumed / last) == []
    assert differences(whole / "epoch_1.pth", whole / last)


def test_checkpoints_are_those_of_the_student(config: Path, repo: Path, tmp_path: Path) -> None:
    train(runner(config, tmp_path, **{"train_cfg.max_epochs": 1}))
    plain = Config.fromfile(repo / "configs/yunet/yunet-s_2xb16-640e_widerface.py")
    expected = MODELS.build(plain.model).state_dict()
    saved = torch.load(tmp_path / "epoch_1.pth", weights_only=False)
    assert saved["state_dict"].keys() == expected.keys()
    averaged = {key.removeprefix("module.") for key in saved["ema_state_dict"]} - {"steps"}
    assert averaged == expected.keys()
    parameters = sum(len(group["params"]) for group in saved["optimizer"]["param_groups"])
    assert parameters == len(list(MODELS.build(plain.model).parameters()))
    assert not any("teacher" in key for key in state(tmp_path / "epoch_1.pth"))


def test_two_processes_learn_from_one_teacher(config: Path, repo: Path, tmp_path: Path) -> None:
    two = tmp_path / "two.py"
    two.write_text(
        f"_base_ = {str(config)!r}\n"
        "custom_imports = dict(imports=['save_each_rank'])\n"
        "custom_hooks = [dict(type='SaveEachRank')]\n"
        "train_cfg = dict(max_epochs=1)\n"
    )
    paths = [str(repo / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    arguments = [str(two), "--work-dir", "work", "--device", "cpu", "--launcher", "pytorch"]
    done = subprocess.run(
        [sys.executable, *launcher, str(repo / "tools/train.py"), *arguments],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "loss_teacher_score" in done.stdout + done.stderr
    first, second = (torch.load(tmp_path / f"rank_{rank}.pth") for rank in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
