"""The command-line tools as a user runs them, in processes of their own."""

import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, Runner
from tiny_faces import NUM_TRAIN, NUM_VAL, write_tiny_faces
from wider_files import write_ground_truth

from mmeiou.engine.work_dir import owned

OPENMIM = any(distribution.name == "openmim" for distribution in distributions())
CONFIG = "yunet-n_1xb16-120e_widerface-small.py"
BATCH = 2
ITERS = NUM_TRAIN // BATCH
OPTIONS = [
    f"train_dataloader.batch_size={BATCH}",
    "train_dataloader.num_workers=0",
    "train_dataloader.persistent_workers=False",
    "val_dataloader.num_workers=0",
    "val_dataloader.persistent_workers=False",
    "val_evaluator.gt_dir=None",
    "default_hooks.checkpoint.interval=1",
    "default_hooks.checkpoint.save_best=WIDERFace/AP",
    "default_hooks.logger.interval=1",
    "train_cfg.val_interval=1",
]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_faces(tmp_path_factory.mktemp("faces"))


class Tools:
    """Runs the project's tools on the tiny set."""

    def __init__(self, repo: Path, faces: Path, folder: Path) -> None:
        self.repo, self.folder = repo, folder
        self.config = str(repo / "configs/yunet" / CONFIG)
        self.env = {**os.environ, "MMEIOU_WIDERFACE": f"{faces}/", "OMP_NUM_THREADS": "1"}

    def arguments(self, *extra: str, epochs: int, work_dir: str = "work") -> list[str]:
        options = [*OPTIONS, f"train_cfg.max_epochs={epochs}"]
        where = ["--work-dir", str(self.folder / work_dir), "--device", "cpu"]
        return [*where, *extra, "--cfg-options", *options]

    def run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode == 0) == check, output[-4000:]
        return output

    def train(self, *extra: str, epochs: int, **where: str) -> str:
        arguments = self.arguments(*extra, epochs=epochs, **where)
        return self.run(str(self.repo / "tools/train.py"), self.config, *arguments)

    def scalars(self, work_dir: str = "work") -> list[dict[str, Any]]:
        """Lines of all logs of a work folder, oldest first."""
        paths = sorted((self.folder / work_dir).glob("*/vis_data/scalars.json"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


@pytest.fixture
def tools(repo: Path, faces: Path, tmp_path: Path) -> Tools:
    (tmp_path / "tools").mkdir()
    return Tools(repo, faces, tmp_path / "tools")


def load(path: Path) -> dict[str, Any]:
    return CheckpointLoader.load_checkpoint(str(path), map_location="cpu")


def load_predictions(path: Path) -> list[dict[str, Any]]:
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by this very test


def test_trains_evaluates_resumes_and_tests(tools: Tools) -> None:
    console = tools.train(epochs=2)
    assert "environment, config and hooks are in" in console
    noise = ("System environment", "_base_", "max_keep_ckpts", "NaNGuardHook", "deprecated")
    noise += ("Warning", "OneDL datasets", "faster_coco_eval", "SyncBatchNorm")
    assert [words for words in noise if words in console] == []
    assert console.count("no compiled ops") <= 1
    steps = [line for line in tools.scalars() if "loss" in line]
    assert len(steps) == 2 * ITERS
    names = {"loss_cls", "loss_bbox", "loss_obj", "loss_kps"}
    assert all(names <= set(line) and math.isfinite(line["loss"]) for line in steps)
    assert sum("WIDERFace/AP" in line for line in tools.scalars()) == 2

    second = str(tools.folder / "work/epoch_2.pth")
    output = tools.train("--resume", second, "--auto-scale-lr", epochs=3)
    assert f"resumed epoch: 2, iter: {2 * ITERS}" in output
    assert f"Scaling the original LR by {BATCH / 16}" in output
    assert len([line for line in tools.scalars() if "loss" in line]) == 3 * ITERS

    output = tools.run(
        str(tools.repo / "tools/test.py"),
        tools.config,
        str(tools.folder / "work/epoch_3.pth"),
        "--out",
        "found.pkl",
        "--show-dir",
        "shown",
        *tools.arguments(epochs=3, work_dir="test"),
        "test_dataloader.num_workers=0",
        "test_dataloader.persistent_workers=False",
        "test_evaluator.gt_dir=None",
    )
    trained = [line["WIDERFace/AP"] for line in tools.scalars() if "WIDERFace/AP" in line]
    (tested,) = re.findall(r"WIDERFace/AP: ([0-9.]+)", output)
    assert float(tested) == pytest.approx(trained[-1], abs=1e-4)
    assert len(load_predictions(tools.folder / "found.pkl")) == NUM_VAL
    write_ground_truth(tools.folder / "gt", {"0--Parade/other": ([[1, 1, 9, 9]], [[1], [1], [1]])})
    output = tools.run(  # what was found outlives a metric that fails
        str(tools.repo / "tools/test.py"),
        tools.config,
        str(tools.folder / "work/epoch_3.pth"),
        "--out",
        "kept.pkl",
        *tools.arguments(epochs=3, work_dir="test"),
        "test_dataloader.num_workers=0",
        "test_dataloader.persistent_workers=False",
        f"test_evaluator.gt_dir={tools.folder / 'gt'}",
        check=False,
    )
    assert "none of the" in output
    assert len(load_predictions(tools.folder / "kept.pkl")) == NUM_VAL
    assert len(list((tools.folder / "shown").glob("*.png"))) == NUM_VAL


def test_a_killed_run_resumes_where_its_last_checkpoint_was(tools: Tools) -> None:
    # One long epoch to be killed in: the first checkpoint is there, the second epoch under way.
    arguments = tools.arguments(epochs=40)
    log = tools.folder / "killed.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, str(tools.repo / "tools/train.py"), tools.config, *arguments],
            cwd=tools.folder,
            env=tools.env,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 120
    while not any(
        line.get("step", 0) % ITERS == 1 and line["step"] > ITERS and "loss" in line
        for line in tools.scalars()
    ):
        assert time.monotonic() < deadline
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    last = Path((tools.folder / "work/last_checkpoint").read_text())
    saved = load(last)
    epoch = saved["meta"]["epoch"]
    before = [line for line in tools.scalars() if "loss" in line]
    assert len(before) > epoch * ITERS  # it was killed inside an epoch

    output = tools.train("--resume", epochs=epoch + 1)
    assert f"resumed epoch: {epoch}, iter: {epoch * ITERS}" in output
    assert str(last) in output
    after = [line for line in tools.scalars() if "loss" in line][len(before) :]
    assert [line["step"] for line in after] == [epoch * ITERS + i + 1 for i in range(ITERS)]
    # The schedule goes on: the same rate at the same step as before the kill.
    rates = {line["step"]: line["lr"] for line in before}
    first = after[0]
    assert first["lr"] == pytest.approx(rates[first["step"]])
    assert first["lr"] > rates[1]

    # So does the optimizer: its momentum is what was saved.
    cfg = Config.fromfile(next((tools.folder / "work").glob("*.py")))
    cfg.work_dir = str(tools.folder / "resumed")
    runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(cfg.train_cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    runner.param_schedulers = runner.build_param_scheduler(cfg.param_scheduler)
    runner.resume(str(last))
    assert (runner.epoch, runner.iter) == (epoch, epoch * ITERS)
    momenta = runner.optim_wrapper.state_dict()["state"]
    assert momenta.keys() == saved["optimizer"]["state"].keys() != set()
    for key, state in momenta.items():
        expected = saved["optimizer"]["state"][key]["momentum_buffer"]
        assert torch.equal(state["momentum_buffer"], expected)
    for scheduler, state in zip(runner.param_schedulers, saved["param_schedulers"], strict=True):
        assert scheduler.last_step == state["last_step"]


def test_a_folder_is_one_runs(tools: Tools) -> None:
    tools.train(epochs=1)
    saved = tools.folder / "work" / "epoch_1.pth"
    before = saved.read_bytes()
    train = [str(tools.repo / "tools/train.py"), tools.config]
    output = tools.run(*train, *tools.arguments(epochs=1), check=False)
    assert re.search(r"work holds checkpoints of an earlier run \(.*epoch_1\.pth.*--resume", output)
    assert "Traceback" not in output
    with owned(tools.folder / "work"):
        output = tools.run(*train, *tools.arguments("--resume", epochs=2), check=False)
    assert f"in use by the training pid {os.getpid()} on" in output
    assert saved.read_bytes() == before
    tools.train("--overwrite", epochs=1)
    assert saved.read_bytes() != before
    # a plain hook, as of MMDetection's runtime, becomes one that loses nothing
    arguments = tools.arguments("--resume", epochs=2)
    tools.run(*train, *arguments, "default_hooks.checkpoint.type=CheckpointHook")
    assert load(tools.folder / "work/epoch_2.pth")["meta"]["optimizer"] == "SGD"


def test_two_processes_train_one_model(tools: Tools) -> None:
    config = tools.folder / "two_processes.py"
    config.write_text(
        f"_base_ = {tools.config!r}\n"
        "custom_imports = dict(imports=['save_each_rank'])\n"
        "custom_hooks = [dict(type='SaveEachRank')]\n"
    )
    tools.config = str(config)
    paths = [str(tools.repo / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    tools.env["PYTHONPATH"] = os.pathsep.join(paths)
    arguments = tools.arguments("--launcher", "pytorch", epochs=1)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    tools.run(*launcher, str(tools.repo / "tools/train.py"), tools.config, *arguments)
    steps = [line for line in tools.scalars() if "loss" in line]
    assert len(steps) == -(-NUM_TRAIN // (2 * BATCH))  # half as many: each takes its share
    assert [line["WIDERFace/AP"] for line in tools.scalars() if "WIDERFace/AP" in line]
    state = load(tools.folder / "work/epoch_1.pth")["state_dict"]
    assert all(torch.isfinite(value).all() for value in state.values())
    assert not any(key.startswith("module.") for key in state)
    # Gradients were shared: after training, both processes hold the same weights.
    first, second = (load(tools.folder / f"rank_{rank}.pth") for rank in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.skipif(OPENMIM, reason="openmim finds only packages that are not editable")
def test_mim_finds_config_and_tools(tools: Tools) -> None:
    mim = ["-c", "from mim.cli import cli; cli()"]
    output = tools.run(*mim, "train", "mmeiou", CONFIG, *tools.arguments(epochs=1))
    assert "Training finished successfully" in output
    checkpoint = str(tools.folder / "work/epoch_1.pth")
    arguments = [
        *tools.arguments(epochs=1, work_dir="test"),
        "test_dataloader.num_workers=0",
        "test_dataloader.persistent_workers=False",
        "test_evaluator.gt_dir=None",
    ]
    output = tools.run(*mim, "test", "mmeiou", CONFIG, "--checkpoint", checkpoint, *arguments)
    assert "Testing finished successfully" in output
    (tested,) = re.findall(r"WIDERFace/AP: ([0-9.]+)", output)
    output = tools.run(*mim, "run", "mmeiou", "test", tools.config, checkpoint, *arguments)
    assert re.findall(r"WIDERFace/AP: ([0-9.]+)", output) == [tested]


def test_another_architecture_is_refused_before_training(tools: Tools) -> None:
    tools.train(epochs=1)
    other = str(tools.repo / "configs/yunet/yunet-s_2xb16-640e_widerface.py")
    arguments = tools.arguments(epochs=1, work_dir="other")
    checkpoint = str(tools.folder / "work/epoch_1.pth")
    for tool, extra in (("test", [checkpoint]), ("train", [])):
        output = tools.run(
            str(tools.repo / f"tools/{tool}.py"), other, *extra, *arguments,
            "test_evaluator.gt_dir=None", f"load_from={checkpoint}", check=False,
        )  # fmt: skip
        assert "the checkpoint does not fit YuNet" in output
        assert "YuNet_n and YuNet_s differ" in output
    assert not tools.scalars("other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py"], "config not found: missing.py"),
        (["CONFIG", "--device", "cuda"], "sees no CUDA device"),
        (["CONFIG", "--launcher", "slurm", "--device", "cpu"], "needs CUDA devices"),
        (["CONFIG", "--cfg-options", "auto_scale_lr=None", "--auto-scale-lr"], "has no auto_scale"),
        (["CONFIG", "--cfg-options", "work_dir"], "'work_dir' is not KEY=VALUE"),
    ],
)
def test_wrong_arguments(tools: Tools, arguments: list[str], message: str) -> None:
    if message == "sees no CUDA device" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    arguments = [tools.config if a == "CONFIG" else a for a in arguments]
    output = tools.run(str(tools.repo / "tools/train.py"), *arguments, check=False)
    assert message in output
    assert "Traceback" not in output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "expected"), [("n", (0.8885, 0.8695, 0.8193)), ("s", (0.8920, 0.8563, 0.7810))]
)
def test_released_weights_reach_their_ap(
    tools: Tools, shared_data: Path, size: str, expected: tuple[float, float, float]
) -> None:
    tools.env["MMEIOU_WIDERFACE"] = str(shared_data / "widerface")  # no slash at the end
    output = tools.run(
        str(tools.repo / "tools/test.py"),
        str(tools.repo / f"configs/yunet/yunet-{size}_2xb16-640e_widerface.py"),
        str(shared_data / f"weights/yunet_{size}.pth"),
        "--device", "cpu",
    )  # fmt: skip
    found = re.findall(r"WIDERFace/(?:easy|medium|hard): ([0-9.]+)", output)
    assert [float(ap) for ap in found] == pytest.approx(expected, abs=1e-3)
