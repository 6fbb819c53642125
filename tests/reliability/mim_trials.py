"""YuNet trained by mim, or by the tool, through faults and on to the end."""

import json
import os
import random
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from reliability.kills import judge
from reliability.outcome import Outcome
from reliability.real_trainings import (
    EPOCHS,
    LINES,
    LOGS,
    METRIC,
    STEPS,
    STOP_AFTER,
    Ended,
    Place,
    started,
)

from mmeiou.engine.stop_hook import EXIT_CODE
from mmeiou.functional.finite import nonfinite_names

SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1")


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
    logs = sorted(folder.glob(LOGS))
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
    run, workers, kills, left = folder / "run", choose.choice([0, 0, 2]), [], LINES
    for _ in range(choose.choice([1, 1, 2])):
        whom, lines = choose.choice(["all", "training"]), choose.randrange(1, left)
        left -= lines // (STEPS + 1) * (STEPS + 1)  # whole epochs are not trained again
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
