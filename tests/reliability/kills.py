"""Trials of killed trainings: what is resumed ends with the bits of what was not interrupted."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from helpers.drawing_run import HOOKS, differences, drawing_runner, train
from reliability.forks import fork
from reliability.outcome import Outcome

EPOCHS, LENGTH = 4, 5
# Written or deleted there, it is no part of what a run resumes from.
_LOGS = (".log", "vis_data", ".py")


class Form(NamedTuple):
    """What is trained."""

    by_epoch: bool
    workers: int
    bfloat16: bool
    averaged: bool
    accumulate: int
    processes: int


def a_form(rng: random.Random) -> Form:
    return Form(
        by_epoch=rng.random() < 0.5,
        workers=rng.choice([0, 0, 2]),
        bfloat16=rng.random() < 0.3,
        averaged=rng.random() < 0.7,
        accumulate=rng.choice([1, 1, 3]),
        processes=rng.choice([1, 1, 1, 2]),
    )


def _options(form: Form) -> dict[str, Any]:
    length = -(-LENGTH // form.processes)
    iterations = {"by_epoch": False, "max_iters": EPOCHS * length, "val_interval": length}
    saving = {"save_best": "tiny/AP", "rule": "greater", "max_keep_ckpts": 2}
    optim = {
        "type": "mmeiou.BFloat16OptimWrapper" if form.bfloat16 else "OptimWrapper",
        "optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9},
        "accumulative_counts": form.accumulate,
    }
    options: dict[str, Any] = {
        "hooks": HOOKS,
        "workers": form.workers,
        "optim_wrapper": optim,
        "val_evaluator": {"type": "DrawingMetric"},
        "custom_hooks": [{"type": "EMAHook"}] if form.averaged else [],
        "checkpoint": {"by_epoch": form.by_epoch, "interval": 1 if form.by_epoch else 2, **saving},
        "param_scheduler": [{"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 9}],
    }
    if not form.by_epoch:
        options["train_cfg"] = iterations
    if form.processes > 1:
        options["launcher"] = "pytorch"
        options["model_wrapper_cfg"] = {
            "type": "MMDistributedDataParallel",
            "broadcast_buffers": False,
            "device_ids": None,
        }
    return options


def _train(folder: Path, form: Form, rank: int, store: Path) -> None:
    """In a process of its own: go on with what is there."""
    if form.processes > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(form.processes))
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{store}", rank=rank, world_size=form.processes
        )
    train(drawing_runner(folder, EPOCHS, resume=True, **_options(form)))


def _nothing() -> None:
    pass


@cache
def import_everything() -> None:
    """Once, here: it would take each process longer than its training."""
    with TemporaryDirectory() as folder:
        drawing_runner(Path(folder, "run"), 1, **_options(Form(True, 0, True, True, 1, 1))).train()  # noqa: FBT003


def _start(
    folder: Path,
    form: Form,
    before: Callable[[], None] = _nothing,
    after: Callable[[], None] = _nothing,
) -> list[int]:
    """Fork the processes of a training."""
    import_everything()
    folder.mkdir(exist_ok=True)
    store = folder.parent / f"store_{time.monotonic_ns()}"

    def process(rank: int) -> None:
        if rank == 0:
            before()
        _train(folder, form, rank, store)
        if rank == 0:
            after()

    output = folder.parent / "output.txt"
    return [fork(partial(process, rank), output) for rank in range(form.processes)]


def _wait(pids: list[int]) -> list[int]:
    """Exit codes. Where the first process ends otherwise than by 0, a launcher ends the rest."""
    codes = []
    for number, pid in enumerate(pids):
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        if number == 0 and codes[0]:
            for other in pids[1:]:
                os.kill(other, signal.SIGKILL)
    return codes


class FileEvents:
    """Counts what this process does to the files that it would resume from, and may die of one."""

    def __init__(self, folder: Path, deadly: int | None = None) -> None:
        self.folder, self.deadly = str(folder), deadly
        self.count = 0

    def watch(self) -> None:
        """From now on, until the process ends: an audit hook cannot be taken away."""
        sys.addaudithook(self._audit)
        write_bytes, fsync = Path.write_bytes, os.fsync

        def half_first(path: Path, data: bytes) -> int:
            with path.open("wb") as file:
                file.write(data[: len(data) // 2])
            self._happens(str(path))
            return write_bytes(path, data)

        def counted(file: int) -> None:
            self._happens(self.folder)
            fsync(file)

        Path.write_bytes, os.fsync = half_first, counted  # type: ignore[method-assign]

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        written = event == "open" and isinstance(args[2], int) and args[2] & 3
        if written or event in {"os.rename", "os.remove", "os.rmdir", "os.mkdir"}:
            self._happens(str(args[0]))

    def _happens(self, path: str) -> None:
        if path.startswith(self.folder) and not any(one in path for one in _LOGS):
            self.count += 1
            if self.count == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)


def _whole(form: Form, folder: Path) -> tuple[int, float]:
    """The uninterrupted run of a form, made once: its number of file events and its seconds."""
    counted = folder / "events.txt"
    if not counted.exists():
        folder.mkdir(parents=True, exist_ok=True)
        events, begin = FileEvents(folder / "run"), time.monotonic()
        noted = partial(_note, counted, events, begin)
        codes = _wait(_start(folder / "run", form, events.watch, noted))
        assert not any(codes), (folder / "output.txt").read_text()[-3000:]
    number, seconds = counted.read_text().split()
    return int(number), float(seconds)


def _note(path: Path, events: FileEvents, begin: float) -> None:
    path.write_text(f"{events.count} {time.monotonic() - begin}")


def _result(folder: Path, metric: str) -> dict[str, Any]:
    """What a run is judged by, beside the tensors: last and best validation."""
    last = Path((folder / "last_checkpoint").read_text())
    hub = torch.load(folder / last.name, weights_only=False)["message_hub"]
    best = sorted(path.name for path in folder.glob("best_*"))
    validations = [float(v) for v in hub["log_scalars"][f"val/{metric}"]._log_history]
    return {
        "last": last.name,
        "best": best,
        "best score": hub["runtime_info"]["best_score"],
        "best in the checkpoint": hub["runtime_info"]["best_ckpt"],
        "validations in the checkpoint": validations,
    }


def judge(whole: Path, folder: Path, metric: str) -> list[str]:
    """In what a run differs from the one that was not interrupted, to the bit."""
    expected, found = _result(whole, metric), _result(folder, metric)
    wrong = [
        f"{key}: {found[key]}, not {expected[key]}"
        for key in expected
        if found[key] != expected[key]
    ]
    for name in [expected["last"], *expected["best"]]:
        if (folder / name).exists():
            wrong += [f"{name}: {key}" for key in differences(whole / name, folder / name)]
    return wrong


def try_kill(seed: int, folder: Path, form: Form | None = None) -> Outcome:
    """Kill a training up to three times, at random moments and file events, and resume it.

    Args:
        seed: Chooses the form and the moments.
        folder: Of this trial; uninterrupted runs are kept beside it for other trials.
        form: Instead of a random one.
    """
    rng = random.Random(seed)  # noqa: S311
    form = form or a_form(rng)
    whole = folder.parent / ("whole_" + "_".join(str(int(value)) for value in form))
    total, seconds = _whole(form, whole)
    folder.mkdir(parents=True, exist_ok=True)
    run, kills = folder / "run", []
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.5:
            deadly = rng.randint(1, total)
            pids = _start(run, form, FileEvents(run, deadly).watch)
            kind = f"file event {deadly} of {total}"
        else:
            pids = _start(run, form)
            moment = rng.uniform(0, seconds)
            time.sleep(moment)
            os.kill(pids[0], signal.SIGKILL)
            kind = f"after {moment:.2f} s"
        codes = _wait(pids)
        kills.append(kind if codes[0] else f"{kind}: had ended")
        if codes[0] not in (0, -signal.SIGKILL):
            output = (folder / "output.txt").read_text()
            return Outcome(survived=False, what=f"{form}, {kills}: {output[-1500:]}")
    codes = _wait(_start(run, form))
    if any(codes):
        output = (folder / "output.txt").read_text()
        return Outcome(survived=False, what=f"{form}, {kills}, then {output[-1500:]}")
    wrong = judge(whole / "run", run, "tiny/AP")
    return Outcome(survived=not wrong, what=f"{form}, {kills}: {wrong or 'identical'}")
