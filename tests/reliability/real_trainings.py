"""YuNet trained as a user trains it, by mim or by the tool, on a dozen tiny pictures."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from helpers.installed import REPO, install_links
from tiny_faces import NUM_TRAIN, write_tiny_faces

from mmeiou.engine.work_dir import LOCK

LIMIT = 240  # seconds of a training; one that hangs is ended, and has not survived
EPOCHS, BATCH = 3, 2
STEPS = NUM_TRAIN // BATCH  # of an epoch
LINES = EPOCHS * (STEPS + 1)  # of the log: steps and validations
STOP_AFTER = 3
ROADS = {
    "mim": ["-c", "from mim.cli import cli; cli()", "train", "mmeiou"],
    "tools/train.py": [str(REPO / "tools/train.py")],
}
METRIC = "faces/score"
LOGS = "*/vis_data/scalars.json"

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
        return sum(log.read_text().count("\n") for log in self.folder.glob(LOGS))

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
