"""YuNet trained as a user trains it, by mim or by the tool, through faults and on to the end."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from helpers.installed import REPO, install_links
from reliability.kills import judge
from reliability.outcome import Outcome
from tiny_faces import NUM_TRAIN, write_tiny_faces

from mmeiou.engine.stop_hook import EXIT_CODE
from mmeiou.engine.work_dir import LOCK
from mmeiou.functional.finite import nonfinite_names

LIMIT = 240  # seconds of a training; one that hangs is ended, and has not survived
EPOCHS, BATCH = 3, 2
STEPS = NUM_TRAIN // BATCH  # of an epoch
LINES = EPOCHS * (STEPS + 1)  # of the log: steps and validations
STOP_AFTER = 3
ROADS = {
    "mim": ["-c", "from mim.cli import cli; cli()", "train", "mmeiou"],
    "tools/train.py": [str(REPO / "tools/train.py")],
}
SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1")
METRIC = "faces/score"
_LOGS = "*/vis_data/scalars.json"

CONFIG = f"""
_base_ = {str(REPO / "configs/yunet/yunet-n_1xb16-120e_widerface-small.py")!r}
train_cfg = dict(max_epochs={EPOCHS}, val_interval=1)
train_pipeline = _base_.train_pipeline
train_pipeline[3].update(scale=(96, 96))
train_dataloader = dict(
    batch_size={BATCH}, num_workers=0, persistent_workers=False,
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=0, persistent_workers=False)
val_evaluator = dict(_delete_=True, type="SumOfScores")
model = dict(test_cfg=dict(score_thr=1e-6))
custom_imports = dict(imports=["mmeiou", "helpers.sum_of_scores", "reliability.planted"])
randomness = dict(seed=3)
default_hooks = dict(
    checkpoint=dict(interval=1, max_keep_ckpts=2, save_best={METRIC!r}, rule="less"),
    nan_guard=dict(stop_after={STOP_AFTER}),
    logger=dict(interval=1),
)
"""


class Ended(NamedTuple):
    """A training that has ended, and whoever started it."""

    code: int
    output: str


class Place:
    """A folder with the installed package, pictures and the run that nothing happens to.

    Args:
        folder: Kept for other trials.
    """

    def __init__(self, folder: Path) -> None:
        self.site, self.faces, self.whole = folder / "site", folder / "faces", folder / "whole"
        paths = [str(self.site), str(REPO / "tests"), os.environ.get("PYTHONPATH", "")]
        self.env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "MMEIOU_WIDERFACE": f"{self.faces}/",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        self.seconds_file = folder / "seconds.txt"
        if not self.seconds_file.exists():
            install_links(self.site)
            write_tiny_faces(self.faces)
            with started(self, self.whole, "tools/train.py") as training:
                training.has_logged(1)
                begin = time.monotonic()
                ended = training.wait()
            assert ended.code == 0, ended.output[-3000:]
            self.seconds_file.write_text(str(time.monotonic() - begin))
        self.seconds = float(self.seconds_file.read_text())


class Training:
    """The processes of one training.

    Args:
        command: A session of its own is made for it.
        folder: Work folder.
        env: Its environment.
    """

    def __init__(self, command: list[str], folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.logged_before = self._logged()
        # Of both streams there is one, which ends when the last process that has it does.
        self.process = subprocess.Popen(
            command, env=env, cwd=folder.parent, start_new_session=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def kill(self) -> None:
        """All of them, if there are any left: the stream is closed behind the last one."""
        assert self.process.stdout
        if not self.process.stdout.closed:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def owner(self) -> int | None:
        """Process that has, or had, the work folder."""
        with suppress(FileNotFoundError):
            if found := re.match(r"pid (\d+)", (self.folder / LOCK).read_text()):
                return int(found[1])
        return None

    def has_ended_within(self, seconds: float) -> bool:
        """Wait, and read what is said."""
        try:
            self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _logged(self) -> int:
        return sum(log.read_text().count("\n") for log in self.folder.glob(_LOGS))

    def has_logged(self, number: int) -> bool:
        """Wait for so many steps and validations; false if it ended before."""
        end = time.monotonic() + LIMIT
        while self._logged() < self.logged_before + number and time.monotonic() < end:
            if self.has_ended_within(0.05):
                return False
        return True

    def wait(self) -> Ended:
        """Until all processes have ended."""
        try:
            output, _ = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            output = self.process.communicate()[0] + f"\nhung for {LIMIT} s"
        return Ended(self.process.returncode, output)


@contextmanager
def started(
    place: Place,
    folder: Path,
    road: str,
    hook: dict[str, Any] | None = None,
    workers: int = 0,
) -> Iterator[Training]:
    """Go on with the training of a work folder; none of its processes outlives the block.

    Args:
        place: Where data and package are.
        folder: Work folder.
        road: One of :data:`ROADS`.
        hook: A config of what does the harm.
        workers: Of the data loader.
    """
    config = folder.parent / f"{'faulty' if hook else 'plain'}.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    harm = f"default_hooks.update(planted=dict({hook!r}))\n" if hook else ""
    config.write_text(CONFIG + harm)
    options = ["--cfg-options", f"train_dataloader.num_workers={workers}"]
    arguments = [str(config), "--work-dir", str(folder), "--resume", *options]
    training = Training([sys.executable, *ROADS[road], *arguments], folder, place.env)
    try:
        yield training
    finally:
        training.kill()
        training.process.communicate()


def _train(place: Place, folder: Path, road: str, hook: dict[str, Any] | None = None) -> Ended:
    with started(place, folder, road, hook) as training:
        return training.wait()


def _resumed(place: Place, folder: Path, road: str, what: str) -> Outcome:
    """Go on to the end, and compare."""
    ended = _train(place, folder, road)
    if ended.code:
        return Outcome(survived=False, what=f"{what}, then {ended.output[-1500:]}")
    return _judged(place, folder, what)


def _judged(place: Place, folder: Path, what: str) -> Outcome:
    wrong = judge(place.whole, folder, METRIC)
    expected, found = _last_validation(place.whole), _last_validation(folder)
    if expected != found:
        wrong.append(f"last validation: {found}, not {expected}")
    return Outcome(survived=not wrong, what=f"{what}, {wrong or 'identical'}")


def _last_validation(folder: Path) -> float:
    """In the logs: the last checkpoint is older."""
    logs = sorted(folder.glob(_LOGS))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return float([line[METRIC] for line in lines if METRIC in line][-1])


def try_killed(seed: int, folder: Path, road: str = "mim") -> Outcome:
    """Kill the training, and mim with it or not, once or twice behind the first step; resume it.

    Args:
        seed: Chooses the moments, and the number of workers.
        folder: Of this trial; what trials share is beside it.
        road: One of :data:`ROADS`.
    """
    choose, place = random.Random(seed), Place(folder.parent / "place")  # noqa: S311
    run, workers, kills = folder / "run", choose.choice([0, 0, 2]), []
    for _ in range(choose.choice([1, 1, 2])):
        whom, lines = choose.choice(["all", "training"]), choose.randrange(1, LINES)
        # As a clock would choose it, but not of a clock: the machine may have other work.
        moment = choose.uniform(0, place.seconds / LINES)
        with started(place, run, road, workers=workers) as training:
            if not training.has_logged(lines) or training.has_ended_within(moment):
                kills.append("had ended")
                break
            if whom == "all":
                training.kill()
            elif pid := training.owner():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            ended = training.wait()
        kills.append(f"{whom} {moment:.2f} s behind line {lines}, exit {ended.code}")
        if "hung" in ended.output:
            return Outcome(survived=False, what=f"{kills}, {ended.output[-1500:]}")
    return _resumed(place, run, road, f"{kills}, {workers} workers: killed")


def try_told(seed: int, folder: Path, road: str = "mim") -> Outcome:
    """Tell the training, or mim, or both, to stop before a step; go on where it is not at its end.

    To the training: it saves and says 75, which mim reports and turns into 1. To mim: what it does
    is its own affair; whatever becomes of the training, nothing is lost.

    Args:
        seed: Chooses signal and step, its remainder by 3 the receiver.
        folder: Of this trial; what trials share is beside it.
        road: One of :data:`ROADS`.
    """
    choose, place = random.Random(seed), Place(folder.parent / "place")  # noqa: S311
    name, step = choose.choice(SIGNALS), choose.randrange(EPOCHS * STEPS - 1)
    receiver = ("training", "mim", "both")[seed % 3] if road == "mim" else "training"
    hook = {"type": "PlantedSignal", "step": step, "name": name, "receiver": receiver}
    run = folder / "run"
    ended = _train(place, run, road, hook)
    saved = (run / "interrupted.pth").exists()
    finished = (run / f"epoch_{EPOCHS}.pth").exists()
    became = "went on to its end" if finished else "saved" if saved else "was killed"
    what = f"{name} to {receiver} before step {step}, exit {ended.code}: the training {became}"
    expected = EXIT_CODE if road != "mim" else 1
    said = road != "mim" or f"exit status {EXIT_CODE}" in ended.output
    if receiver == "training" and not (saved and said and ended.code == expected):
        return Outcome(survived=False, what=f"{what} {ended.output[-1500:]}")
    if "hung" in ended.output or ended.code == 0:
        return Outcome(survived=False, what=f"{what} {ended.output[-1500:]}")
    if finished:
        return _judged(place, run, what)
    return _resumed(place, run, road, what)


def try_nan(seed: int, folder: Path, road: str = "mim") -> Outcome:
    """Make losses NaN: a few steps are skipped and counted, too many in a row end the training.

    Args:
        seed: Chooses the steps; even ones make a few, odd ones too many.
        folder: Of this trial; what trials share is beside it.
        road: One of :data:`ROADS`.
    """
    choose, place, run = random.Random(seed), Place(folder.parent / "place"), folder / "run"  # noqa: S311
    if seed % 2:
        # Inside one epoch: else a checkpoint between them has fewer steps, as it should.
        first = choose.randrange(EPOCHS) * STEPS + choose.randrange(STEPS - STOP_AFTER)
        steps = [*range(first, first + STOP_AFTER)]
    else:
        steps = sorted(choose.sample(range(0, EPOCHS * STEPS, 2), choose.choice([1, 2, 3])))
    ended = _train(place, run, road, {"type": "PlantedNaN", "steps": steps})
    left = [name for path in run.glob("*.pth") for name in _nonfinite(path)]
    what = f"NaN in steps {steps}: "
    if seed % 2:
        diagnosis = f"{STOP_AFTER} in a row" in ended.output and "loss_cls=nan" in ended.output
        if ended.code != 1 or left or not diagnosis:
            bad = f"exit {ended.code}, left in {left}, {ended.output[-1500:]}"
            return Outcome(survived=False, what=what + bad)
        return _resumed(place, run, road, f"{what}ended with a diagnosis, resumed")
    last = torch.load(run / f"epoch_{EPOCHS}.pth", weights_only=False) if not ended.code else {}
    count = last and last["message_hub"]["runtime_info"].get("skipped_steps")
    survived = ended.code == 0 and not left and count == len(steps)
    bad = "" if survived else f", left in {left}, {ended.output[-1500:]}"
    return Outcome(survived, f"{what}skipped {count}{bad}")


def _nonfinite(path: Path) -> list[str]:
    saved = torch.load(path, weights_only=False)
    return list(nonfinite_names({key: saved.get(key) for key in ("state_dict", "optimizer")}))


def try_tool(seed: int, folder: Path) -> Outcome:
    """One of the above, in turn, by ``python tools/train.py``."""
    function = (try_killed, try_told, try_nan)[seed % 3]
    return function(seed // 3, folder, "tools/train.py")
