"""A run resumes from the newest checkpoint that is whole, of its own folder.

MMEngine takes what ``last_checkpoint`` says: an emptied file and a path into another folder, too.
"""

import logging
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import print_log

from mmeiou.compat.archive import CheckpointError, require_whole

_LAST = "last_checkpoint"


def install(runner: Any) -> None:
    """Let ``resume=True`` find the newest whole checkpoint.

    Args:
        runner: The module ``mmengine.runner.runner``.
    """

    def find_latest_checkpoint(path: str) -> str | None:
        found = newest_to_resume(Path(path))
        return str(found) if found else None

    runner.find_latest_checkpoint = find_latest_checkpoint


def newest_to_resume(folder: Path) -> Path | None:
    """The checkpoint that ``last_checkpoint`` names; if that is not whole, the newest whole one.

    The name alone counts, so that a copied folder resumes from its own.

    Returns:
        None if nothing was ever saved.

    Raises:
        CheckpointError: If there were checkpoints and none is whole.
    """
    named = folder / _LAST
    name = Path(named.read_text(errors="replace").strip()).name if named.is_file() else ""
    last = folder / name
    if name and is_whole(last):
        return last
    whole = newest_whole(folder, besides=last)
    if whole is None:
        if name or _training_checkpoints(folder):
            raise CheckpointError(
                f"{folder} holds no whole checkpoint to resume from"
                f"{f': {last} is damaged or gone' if name else ''}. To start anew, take another "
                "work folder, or remove what is in this one."
            )
        return None
    problem = f"{last} is damaged or gone" if name else f"{named} does not say which is the last"
    message = f"{problem}: RESUMING FROM {whole}, the newest whole checkpoint of the folder"
    print_log(message, logger="current", level=logging.WARNING)
    return whole


def newest_whole(folder: Path, besides: Path | None = None) -> Path | None:
    """The whole checkpoint of most training steps among those that hold an optimizer's state."""
    steps = {path: _steps(path) for path in _training_checkpoints(folder) if path != besides}
    for path in sorted(steps, key=lambda one: (-steps[one], one)):
        if steps[path] >= 0 and is_whole(path):
            return path
    return None


def is_whole(path: Path) -> bool:
    """Whether a checkpoint can be loaded and fits its checksums."""
    try:
        require_whole(path)
        torch.load(path, "cpu", weights_only=True)
    except Exception:  # noqa: BLE001 - whatever the damage calls for
        return False
    return True


def _training_checkpoints(folder: Path) -> list[Path]:
    # The best ones are for testing: they have no optimizer's state.
    return [path for path in folder.glob("*.pth") if not path.name.startswith("best_")]


def _steps(path: Path) -> int:
    """Steps trained; -1 if that cannot be read, or it cannot be resumed from."""
    try:
        content = torch.load(path, "cpu", weights_only=True, mmap=True)
        return int(content["meta"]["iter"]) if "optimizer" in content else -1
    except Exception:  # noqa: BLE001 - whatever the damage calls for
        return -1
