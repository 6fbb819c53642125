"""Signals, at every place of a run."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers.tiny_run import SAVING, TinyDataset, TinyMetric, make_runner
from mmengine.hooks import Hook
from mmengine.runner import CheckpointLoader

from mmeiou.engine import stop_hook
from mmeiou.engine.stop_hook import train

HOOKS = {
    "default_hooks": {
        "checkpoint": {"type": "mmeiou.CheckpointHook", "interval": 10, **SAVING},
        "stop": {"type": "mmeiou.StopHook"},
        "fold": {"type": "mmeiou.FoldBatchNormHook"},
    }
}
NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD)


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def send_at(monkeypatch, kind, name, call, number=signal.SIGTERM) -> None:
    """Send this process a signal in the given call of a method."""
    function, calls = getattr(kind, name), []

    def counted(*args, **options):
        calls.append(0)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return function(*args, **options)

    monkeypatch.setattr(kind, name, counted)


def stop(folder: Path, **options) -> tuple[dict, object]:
    """Train until it is stopped."""
    runner = make_runner(folder, 4, **HOOKS, **options)
    with pytest.raises(SystemExit) as stopped:
        train(runner)
    assert stopped.value.code == 75
    assert Path((folder / "last_checkpoint").read_text()) == folder / "interrupted.pth"
    return CheckpointLoader.load_checkpoint(str(folder / "interrupted.pth")), runner


@pytest.mark.parametrize(
    ("number", "image", "where"),
    # 8 images are two steps, and every epoch is validated on them
    [
        (signal.SIGTERM, 1, (0, 1)),  # in the first step
        # in the last of an epoch: at its end, where the validation would begin
        (signal.SIGINT, 8, (1, 2)),
        (signal.SIGUSR1, 8 + 8 + 3, (1, 3)),
    ],
)
def test_a_signal_in_training(tmp_path, monkeypatch, number, image, where, capsys) -> None:
    send_at(monkeypatch, TinyDataset, "__getitem__", image, number)
    saved, runner = stop(tmp_path)
    assert (saved["meta"]["epoch"], saved["meta"]["iter"]) == where
    assert saved["optimizer"]["state"]
    said = "".join(capsys.readouterr())
    assert f"{number.name}: stopped after {where[1]} steps and saved {tmp_path}/interrupted" in said
    assert "run the same command with --resume" in said
    # the next regular checkpoint replaces it
    monkeypatch.undo()
    again = make_runner(tmp_path, 4, resume=True, **HOOKS)
    assert again.work_dir == runner.work_dir
    train(again)
    assert not (tmp_path / "interrupted.pth").exists()
    assert Path((tmp_path / "last_checkpoint").read_text()) == tmp_path / "epoch_4.pth"


def test_a_signal_in_a_validation_saves_the_weights_that_are_trained(tmp_path, monkeypatch) -> None:
    send_at(monkeypatch, TinyMetric, "process", 3)  # the first batch of the second validation
    saved, _ = stop(tmp_path)
    assert (saved["meta"]["epoch"], saved["meta"]["iter"]) == (2, 4)
    expected = make_runner(tmp_path / "whole", 2, **HOOKS)
    expected.train()
    whole = CheckpointLoader.load_checkpoint(str(tmp_path / "whole" / "epoch_2.pth"))
    for part in ("state_dict", "ema_state_dict"):
        assert saved[part].keys() == whole[part].keys()
        torch.testing.assert_close(saved[part], whole[part], rtol=0, atol=0)


def test_workers_that_the_signal_ends_are_no_error(tmp_path, monkeypatch) -> None:
    parent = os.getpid()
    function = TinyDataset.__getitem__

    def killed(self, index):
        if self.metainfo.get("deadly") and (tmp_path / "go").exists():
            os.kill(parent, signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(self, index)

    monkeypatch.setattr(TinyDataset, "__getitem__", killed)
    runner = make_runner(tmp_path, 4, **HOOKS)
    loader = runner.cfg.train_dataloader
    loader.update(num_workers=1, persistent_workers=True)
    loader.dataset.metainfo["deadly"] = True
    runner = make_runner(tmp_path, 4, train_dataloader=loader, **HOOKS)
    runner.register_hook(_Touch(tmp_path / "go"))
    with pytest.raises(SystemExit):
        train(runner)
    assert (tmp_path / "interrupted.pth").is_file()


def test_a_validation_whose_workers_the_signal_ends_gives_the_weights_back(
    tmp_path, monkeypatch
) -> None:
    parent, function = os.getpid(), TinyDataset.__getitem__

    def killed(self, index):
        if self.metainfo.get("deadly") and (tmp_path / "go").exists():
            os.kill(parent, signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(self, index)

    monkeypatch.setattr(TinyDataset, "__getitem__", killed)
    loader = make_runner(tmp_path, 4, **HOOKS).cfg.val_dataloader
    loader.update(num_workers=1)
    loader.dataset.metainfo["deadly"] = True
    runner = make_runner(tmp_path, 4, val_dataloader=loader, **HOOKS)
    runner.register_hook(_Touch(tmp_path / "go"))  # behind the first of them
    with pytest.raises(SystemExit):
        train(runner)
    saved = CheckpointLoader.load_checkpoint(str(tmp_path / "interrupted.pth"))
    assert (saved["meta"]["epoch"], saved["meta"]["iter"]) == (2, 4)
    monkeypatch.undo()
    make_runner(tmp_path / "whole", 2, **HOOKS).train()
    whole = CheckpointLoader.load_checkpoint(str(tmp_path / "whole" / "epoch_2.pth"))
    for part in ("state_dict", "ema_state_dict"):
        torch.testing.assert_close(saved[part], whole[part], rtol=0, atol=0)


class _Touch(Hook):
    def __init__(self, path) -> None:
        self.path = path

    def after_val_epoch(self, runner, metrics=None) -> None:  # noqa: ARG002
        self.path.touch()


def test_accumulated_gradients_are_not_thrown_away(tmp_path, monkeypatch) -> None:
    """They are in no checkpoint: of three steps of two an epoch, it stops behind the third."""
    send_at(monkeypatch, TinyDataset, "__getitem__", 1)
    wrapper = {"optimizer": {"type": "SGD", "lr": 0.1}, "accumulative_counts": 3}
    without = dict.fromkeys(("val_cfg", "val_dataloader", "val_evaluator", "param_scheduler"))
    saved, _ = stop(tmp_path, optim_wrapper=wrapper, custom_hooks=None, **without)
    assert saved["meta"]["iter"] == 3


@pytest.mark.parametrize("saving", [None, {"type": "CheckpointHook"}])
def test_without_what_saves_it_does_not_listen(tmp_path, saving, monkeypatch, capsys) -> None:
    heard = []
    signal.signal(signal.SIGUSR1, lambda *_: heard.append(0))
    send_at(monkeypatch, TinyDataset, "__getitem__", 1, signal.SIGUSR1)
    hooks = {"stop": {"type": "mmeiou.StopHook"}, "checkpoint": saving}
    train(make_runner(tmp_path, 1, default_hooks=hooks))
    assert heard
    assert "a signal ends this run without saving" in "".join(capsys.readouterr())


def test_behind_a_training_that_failed_signals_are_as_before(tmp_path, monkeypatch) -> None:
    """As in a notebook: MMEngine calls no hook then."""
    monkeypatch.setattr(TinyDataset, "__getitem__", lambda *_: 1 / 0)
    before = signal.default_int_handler
    signal.signal(signal.SIGINT, before)  # a shell's background job begins with it ignored
    for _ in range(2):  # another one listens in place of the first
        with pytest.raises(ZeroDivisionError):
            train(make_runner(tmp_path, 4, **HOOKS))
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    runner = make_runner(tmp_path, 4, **HOOKS)
    with pytest.raises(ZeroDivisionError):
        train(runner)
    monkeypatch.undo()
    train(runner)  # the same one again
    assert signal.getsignal(signal.SIGINT) is before
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # another's, set since
    train(runner)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_outside_the_main_thread_it_does_not_listen(tmp_path, capsys) -> None:
    runner, before = make_runner(tmp_path, 1, **HOOKS), signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(train, runner).result()
    assert "not in the main thread" in "".join(capsys.readouterr())
    assert signal.getsignal(signal.SIGTERM) is before
    assert (tmp_path / "epoch_1.pth").exists()


SCRIPT = """
import os, sys, time
sys.path.insert(0, {tests!r})
import mmeiou
from helpers.tiny_run import TinyDataset, make_runner
from mmengine.config import Config
from mmeiou.cli import prepare_distributed_cpu
from mmeiou.engine import stop_hook
from mmeiou.engine.stop_hook import train
from pathlib import Path
get = TinyDataset.__getitem__
def slowly(self, index):
    time.sleep(float(sys.argv[2]))
    return get(self, index)
TinyDataset.__getitem__ = slowly
options = dict(launcher="none")
if "RANK" in os.environ:
    cfg = Config(dict(launcher="pytorch", env_cfg=dict(dist_cfg=dict(timeout=3))))
    prepare_distributed_cpu(cfg)
    options = dict(launcher="pytorch", model_wrapper_cfg=cfg.model_wrapper_cfg)
hooks = {hooks!r}
hooks["logger"] = dict(type="LoggerHook", interval=1)
loops = dict(param_scheduler=None, custom_hooks=None, log_level="INFO")
train(make_runner(Path(sys.argv[1]), 1000, default_hooks=hooks, **options, **loops))
"""


def start(folder: Path, ranks: int = 1, seconds: float = 0.02) -> list[subprocess.Popen]:
    tests = str(Path(__file__).resolve().parents[1])
    script = SCRIPT.format(tests=tests, hooks=HOOKS["default_hooks"])
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(ranks):
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        if ranks > 1:
            env |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks)}
            env |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
        with (folder / f"rank{rank}.log").open("w") as log:
            command = [sys.executable, "-c", script, str(folder / "work"), str(seconds)]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=env))
    deadline = time.monotonic() + 100
    while not re.search(r"Epoch\(train\) +\[2\]", (folder / "rank0.log").read_text()):
        assert time.monotonic() < deadline
        assert processes[0].poll() is None, (folder / "rank0.log").read_text()[-3000:]
        time.sleep(0.05)
    return processes


def end(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        process.kill()
        process.wait()


def test_a_second_signal_ends_at_once(tmp_path) -> None:
    (process,) = start(tmp_path, seconds=0.2)
    try:
        process.send_signal(signal.SIGUSR1)
        log = tmp_path / "rank0.log"
        while "SIGUSR1: saving behind this step" not in log.read_text():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
    finally:
        end([process])
    assert not (tmp_path / "work" / "interrupted.pth").exists()


def test_a_signal_that_comes_after_the_question_is_asked_about_in_the_next_step(
    monkeypatch,
) -> None:
    asked = []

    def all_reduce(value, *_args, **_options):
        asked.append(int(value))
        return SimpleNamespace(wait=lambda: None)

    monkeypatch.setattr(stop_hook, "get_world_size", lambda: 2)
    monkeypatch.setattr(stop_hook, "get_comm_device", lambda: "cpu")
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    hook = stop_hook.StopHook()
    hook._ask()
    here = sys._getframe()
    hook.trains = here.f_code
    hook._note(signal.SIGTERM, here)  # while the step computes
    assert not hook._agreed()  # nobody else has heard of it
    hook._ask()
    assert hook._agreed()
    assert asked == [0, signal.SIGTERM]


def test_all_processes_stop_behind_the_same_step(tmp_path) -> None:
    processes = start(tmp_path, ranks=2)
    try:
        processes[1].send_signal(signal.SIGTERM)
        assert [process.wait(60) for process in processes] == [75, 75]
    finally:
        end(processes)
    saved = CheckpointLoader.load_checkpoint(str(tmp_path / "work" / "interrupted.pth"))
    assert saved["meta"]["iter"] > 0
    assert f"stopped after {saved['meta']['iter']} steps" in (tmp_path / "rank0.log").read_text()
