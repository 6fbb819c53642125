"""Trainings of two processes, one of which dies or stands still."""

import argparse
import os
import random
import re
import signal
import socket
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from helpers.drawing_run import HOOKS, DrawingDataset, drawing_runner
from helpers.tiny_run import TinyDataset
from reliability.forks import fork
from reliability.kills import import_everything
from reliability.outcome import Outcome

from mmeiou.cli import add_run_arguments, load_config

TIMEOUT = 2  # seconds, of the training
_PATIENCE = 30  # of the trial: what has not ended by then would not have ended
_EPOCHS, _IMAGES = 3, {DrawingDataset: 10, TinyDataset: 4}  # an epoch and process
_FAULTS = {signal.SIGKILL: "killed", signal.SIGSTOP: "stopped"}
# What Gloo says of a process that is gone, and of one that does not answer.
_ERRORS = re.compile(
    "Connection closed by peer|Connection reset|Broken pipe|Timed out waiting|Application timeout"
)


def try_lost_process(seed: int, folder: Path) -> Outcome:
    """Lose a process at some image; it survives if the other one ends with an error that says so.

    Args:
        seed: Chooses the process, the image, in a step or in a validation, and how it is lost.
        folder: An empty one.
    """
    choose = random.Random(seed)  # noqa: S311
    lost, fault = choose.randrange(2), list(_FAULTS)[seed % 2]
    dataset = choose.choice(list(_IMAGES))
    image = choose.randrange(_EPOCHS * _IMAGES[dataset])
    place = "in a step" if dataset is DrawingDataset else "in a validation"
    what = f"process {lost} {_FAULTS[fault]} {place}, image {image}"
    import_everything()
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    outputs = [folder / f"output_{rank}.txt" for rank in range(2)]
    dies = partial(_lose_itself, fault, dataset, image)
    pids = [
        fork(partial(_train, folder, rank, port, dies if rank == lost else None), output)
        for rank, output in enumerate(outputs)
    ]
    try:
        code = _exit_code(pids[1 - lost], _PATIENCE)
        # Else there was no fault.
        gone = _exit_code(pids[lost]) == (-fault if fault == signal.SIGKILL else None)
    finally:
        _end(pids)
    output = outputs[1 - lost].read_text()
    if code is None:
        return Outcome(survived=False, what=f"{what}: the other one hangs")
    said = _ERRORS.search(output.rpartition("Traceback")[2])
    if code != 1 or not gone or not said:
        return Outcome(survived=False, what=f"{what}: exit {code}: {output[-1500:]}")
    return Outcome(survived=True, what=f"{what}: the other one ended")


def _train(folder: Path, rank: int, port: int, before: Any) -> None:
    """As ``tools/train.py --launcher pytorch`` sets a process up."""
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2")
    os.environ.update(MASTER_ADDR="localhost", MASTER_PORT=str(port))
    config = folder / f"config_{rank}.py"
    config.write_text("env_cfg = dict(dist_cfg=dict(timeout=600))\n")
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    add_run_arguments(parser)
    options = ["--cfg-options", f"env_cfg.dist_cfg.timeout={TIMEOUT}"]
    cfg = load_config(parser.parse_args([str(config), "--launcher", "pytorch", *options]))
    if before:
        before()
    drawing_runner(
        folder / "run",
        _EPOCHS,
        hooks={**HOOKS, "stop": {"type": "mmeiou.StopHook"}},  # it waits for the others, too
        launcher="pytorch",
        model_wrapper_cfg=cfg.model_wrapper_cfg,
    ).train()


def _lose_itself(fault: int, dataset: Any, image: int) -> None:
    """In the n-th image of a kind that this process loads."""
    get, calls = dataset.__getitem__, []

    def getting(self: Any, index: int) -> Any:
        calls.append(index)
        if len(calls) == image + 1:
            os.kill(os.getpid(), fault)
        return get(self, index)

    dataset.__getitem__ = getting


def _exit_code(pid: int, seconds: float = 0.2) -> int | None:
    """None where it has not ended by then."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    return None


def _end(pids: list[int]) -> None:
    """Whatever is left, what stands still included."""
    for pid in pids:
        with suppress(ChildProcessError):  # waited for already: the number may be another's
            if not os.waitpid(pid, os.WNOHANG)[0]:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
