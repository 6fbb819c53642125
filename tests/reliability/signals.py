"""A training that is told to stop at any moment."""

import os
import random
import signal
from pathlib import Path

import torch
from helpers.tiny_run import SAVING, TinyDataset, make_runner
from mmengine.runner import CheckpointLoader
from reliability.outcome import Outcome

from mmeiou.engine.stop_hook import EXIT_CODE, train

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
EPOCHS, STEPS = 4, 2
IMAGES = 16  # of an epoch: 8 trained on, 8 validated on

HOOKS = {
    "checkpoint": {"type": "mmeiou.CheckpointHook", "interval": 10, **SAVING},
    "stop": {"type": "mmeiou.StopHook"},
}


def try_signal(seed: int, folder: Path) -> Outcome:
    """Send a signal while some image is loaded; what is saved is that step's, and goes on.

    Args:
        seed: Chooses signal and image, of a training or a validation.
        folder: An empty one.
    """
    choose = random.Random(seed)  # noqa: S311
    number, image = choose.choice(SIGNALS), choose.randrange((EPOCHS - 1) * IMAGES)
    before = {one: signal.getsignal(one) for one in (*SIGNALS, signal.SIGCHLD)}
    get, calls = TinyDataset.__getitem__, []

    def sending(self: TinyDataset, index: int) -> dict[str, torch.Tensor]:
        calls.append(index)
        if len(calls) == image + 1:
            os.kill(os.getpid(), number)
        return get(self, index)

    TinyDataset.__getitem__ = sending
    try:
        train(make_runner(folder, EPOCHS, default_hooks=HOOKS))
        code: object = 0
    except SystemExit as stopped:
        code = stopped.code
    finally:
        TinyDataset.__getitem__ = get
        for one, handler in before.items():
            signal.signal(one, handler)
    epoch, inside = divmod(image, IMAGES)
    steps = STEPS * epoch + (1 if inside < IMAGES // 4 else STEPS)
    what = f"{number.name} {'in a step' if inside < IMAGES // 2 else 'in a validation'}"
    path = folder / "interrupted.pth"
    if code != EXIT_CODE or not path.is_file():
        return Outcome(survived=False, what=f"{what}, image {image}: exit {code}")
    saved = CheckpointLoader.load_checkpoint(str(path))["meta"]["iter"]
    again = make_runner(folder, EPOCHS, default_hooks=HOOKS, resume=True)
    train(again)
    survived = saved == steps and again.epoch == EPOCHS and not path.exists()
    return Outcome(survived=survived, what=f"{what}: saved, resumed")
