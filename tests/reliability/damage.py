"""Training checkpoints with something wrong in them."""

import random
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from helpers.tiny_run import make_runner
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from reliability.outcome import Outcome

from mmeiou.compat.archive import CheckpointError

KINDS = ("one bit", "one byte", "cut off", "a block of zeros", "two halves")


@cache
def _trained() -> tuple[bytes, bytes]:
    """Two checkpoints of one run."""
    folder = Path(mkdtemp())
    make_runner(
        folder, 2, default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": 1}}
    ).train()
    return (folder / "epoch_1.pth").read_bytes(), (folder / "epoch_2.pth").read_bytes()


def try_damaged_checkpoint(seed: int, folder: Path) -> Outcome:
    """Load a damaged checkpoint; it survives if it is refused, or what it holds is what was saved.

    A flipped bit in what fills the gaps between the parts of a file changes nothing.

    Args:
        seed: Chooses the damage.
        folder: Where to put the file.
    """
    choose = random.Random(seed)  # noqa: S311
    earlier, whole = _trained()
    content, kind = bytearray(whole), KINDS[seed % len(KINDS)]
    where = choose.randrange(len(content))
    if kind == "one bit":
        content[where] ^= 1 << choose.randrange(8)
    elif kind == "one byte":
        content[where] = (content[where] + choose.randrange(1, 256)) % 256
    elif kind == "cut off":
        del content[where:]
    elif kind == "a block of zeros":
        content[where : where + 512] = bytes(len(content[where : where + 512]))
    else:
        content[where:] = earlier[where:]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "damaged.pth"
    path.write_bytes(content)
    try:
        loaded = CheckpointLoader.load_checkpoint(str(path), "cpu")
    except CheckpointError:
        return Outcome(survived=True, what=f"{kind}: refused")
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return Outcome(survived=False, what=f"{kind} at {where}: {type(error).__name__}: {error}")
    # Of two halves, one may be as good as all.
    for intact in (whole, earlier):
        path.write_bytes(intact)
        if same(loaded, CheckpointLoader.load_checkpoint(str(path), "cpu")):
            return Outcome(survived=True, what=f"{kind}: content untouched")
    return Outcome(survived=False, what=f"{kind} at {where}: loaded with other content")


def same(one: Any, other: Any) -> bool:
    """Whether two contents are alike to the bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, HistoryBuffer):
        return all((mine == yours).all() for mine, yours in zip(one.data, other.data, strict=True))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
