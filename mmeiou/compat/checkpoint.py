"""Checkpoints are data: MMEngine loads them by ``weights_only=True`` and a list of what may occur.

MMEngine 0.10.7 cannot read its own training checkpoints that way, and onedl's MMEngine falls back
to running whatever code a file contains.
"""

import errno
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

MapLocation = str | torch.device | dict[str, str] | Callable[..., Any] | None

_NUMBERS = "?bhilqBHILQefd"  # NumPy's codes of booleans, integers and floats


class CheckpointError(ValueError):
    """A file is no checkpoint, is incomplete, or is not safe to load."""


def install(checkpoint: Any) -> None:
    """Make every way to load a checkpoint a safe one.

    Args:
        checkpoint: The module ``mmengine.runner.checkpoint``.
    """
    torch.serialization.add_safe_globals(_allowed_globals())
    checkpoint.CheckpointLoader.register_scheme("", load_from_local, force=True)
    download = checkpoint.load_url

    def load_url(url: str, *args: Any, **options: Any) -> Any:
        with _explained(url):
            return download(url, *args, weights_only=True, **options)

    # What the loaders of the other schemes call: http and all model zoos the first one, object
    # stores the second. MMEngine 0.10.7 has no second one: there it is torch.load's default.
    checkpoint.load_url = load_url
    if hasattr(checkpoint, "_safe_torch_load"):
        checkpoint._safe_torch_load = load_safely  # noqa: SLF001


def load_from_local(filename: str, map_location: MapLocation) -> Any:
    """Load a checkpoint file (the name is what MMEngine logs).

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file holds objects that are not in the list of what may occur, or
            cannot be read otherwise.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} not found ({path.absolute()}): correct the argument, or load_from "
            "of the config"
        )
    return load_safely(str(path), map_location)


def load_safely(
    file: str | IO[bytes], map_location: MapLocation = None, weights_only: object = None
) -> Any:
    """Load a file or its content as data, whatever ``weights_only`` says."""
    del weights_only
    with _explained(file if isinstance(file, str) else "the downloaded file"):
        return torch.load(file, map_location=map_location, weights_only=True)


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Name the checkpoint, what is wrong with it and what to do in the errors of torch.load."""
    try:
        yield
    except Exception as error:
        # torch seeks before the start of a zip file that is cut off: no trouble of the disk's
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        refused = re.search(r"GLOBAL (.+?)( was not| whose module|$)", str(error), re.MULTILINE)
        if isinstance(error, pickle.UnpicklingError) and refused:
            raise CheckpointError(
                f"{source} holds {refused[1]}, which is not among the data of a checkpoint and may "
                "run code when loaded, so it was refused. If the file is from a source you trust: "
                "allow it with torch.serialization.add_safe_globals, or keep only the weights "
                "with torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW_FILE). "
                "It is mmeiou that asks for this, see docs/mix_in.md: MMEIOU_COMPAT."
            ) from None
        # torch wraps the reason in its advice to load the file by other means, no help here
        reason = str(error).rpartition("WeightsUnpickler error:")[2].partition("Check the doc")[0]
        raise CheckpointError(
            f"{source} cannot be read as a checkpoint: {reason.strip() or type(error).__name__}. "
            "If it is incomplete, copy or download it again, or take the checkpoint saved before "
            "it."
        ) from None


def _allowed_globals() -> list[Any]:
    """What training checkpoints hold beside tensors and plain containers.

    Histories of losses with their statistics, metrics as NumPy numbers, the datasets' metainfo, and
    the function by which a one-cycle schedule anneals.
    """
    rebuild_array, rebuild_number = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
    return [
        HistoryBuffer,
        ConfigDict,
        OneCycleParamScheduler,
        (_function_of, "builtins.getattr"),
        np.ndarray,
        np.dtype,
        *{type(np.dtype(code)) for code in _NUMBERS},
        # saved by NumPy 1 and 2
        (rebuild_array, "numpy.core.multiarray._reconstruct"),
        (rebuild_array, "numpy._core.multiarray._reconstruct"),
        (rebuild_number, "numpy.core.multiarray.scalar"),
        (rebuild_number, "numpy._core.multiarray.scalar"),
    ]


def _function_of(owner: object, name: str) -> Any:
    """Do for two classes what pickle does by ``getattr``: name one of their functions."""
    if owner not in {HistoryBuffer, OneCycleParamScheduler} or name.startswith("__"):
        raise pickle.UnpicklingError(f"GLOBAL builtins.getattr({owner!r}, {name!r})")
    return getattr(owner, name)
