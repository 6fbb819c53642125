"""Checkpoints are data: MMEngine loads them by ``weights_only=True`` and a list of what may occur.

MMEngine 0.10.7 cannot read its own training checkpoints that way, and onedl's MMEngine falls back
to running whatever code a file contains. Both run a config that is kept in a checkpoint as text:
``meta['config']`` when a run resumes, and any of them when an inferencer is given no config of its
own. The first is dropped on loading, the second refused: a config may name any function to call.
"""

import errno
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from torch import nn

from mmeiou.compat.archive import CheckpointError, require_whole
from mmeiou.compat.newest_checkpoint import newest_whole
from mmeiou.compat.safetensors_files import SUFFIX, MapLocation, read_safetensors
from mmeiou.functional.finite import nonfinite_names, require_finite

_NUMBERS = "?bhilqBHILQefd"  # NumPy's codes of booleans, integers and floats
_CODES = {np.dtype(code).str[1:] for code in _NUMBERS}


def install(checkpoint: Any) -> None:
    """Make every way to load a checkpoint a safe one.

    Args:
        checkpoint: The module ``mmengine.runner.checkpoint``.
    """
    torch.serialization.add_safe_globals(_allowed_globals())
    checkpoint.CheckpointLoader.register_scheme("", load_from_local, force=True)
    download = checkpoint.load_url

    def load_url(url: str, model_dir: str | None = None, *args: Any, **options: Any) -> Any:
        name = options.get("file_name") or Path(urlparse(url).path).name
        file = Path(model_dir or Path(torch.hub.get_dir(), "checkpoints"), name)
        if file.suffix == SUFFIX:
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                torch.hub.download_url_to_file(url, str(file))
            return load_from_local(str(file), options.get("map_location", "cpu"))
        with _explained(f"{url}, downloaded to {file}"):
            loaded = download(url, model_dir, *args, weights_only=True, **options)
            if file.is_file():
                require_whole(file)
        return loaded

    # What the loaders of the other schemes call: http and all model zoos the first one, object
    # stores the second. MMEngine 0.10.7 has no second one: there it is torch.load's default.
    checkpoint.load_url = load_url
    if hasattr(checkpoint, "_safe_torch_load"):
        checkpoint._safe_torch_load = load_safely  # noqa: SLF001
    # Behind all schemes.
    load = checkpoint.CheckpointLoader.load_checkpoint

    def load_checkpoint(*args: Any, **options: Any) -> Any:
        return _without_program(load(*args, **options))

    checkpoint.CheckpointLoader.load_checkpoint = staticmethod(load_checkpoint)


def refuse_config(infer: Any) -> None:
    """Let an inferencer take its config from the caller alone.

    Args:
        infer: The module ``mmengine.infer.infer``.
    """
    init_model = infer.BaseInferencer._init_model  # noqa: SLF001

    def init_configured(
        self: Any, cfg: Any, weights: str | None, *args: Any, **options: Any
    ) -> Any:
        if not cfg:
            raise CheckpointError(
                f"{weights} comes without a config: the one kept in a checkpoint is a program, so "
                "it is not run. Give the config, too: DetInferencer(model=CONFIG, weights=FILE). "
                "It is mmeiou that asks for this, see docs/mix_in.md: MMEIOU_COMPAT."
            )
        return init_model(self, cfg, weights, *args, **options)

    infer.BaseInferencer._init_model = init_configured  # noqa: SLF001


def refuse_nonfinite(module: Any) -> None:
    """Let no inferencer take weights that are NaN or infinite; what is so by intent, as masks, may.

    Args:
        module: With classes of inferencers.
    """
    for kind in vars(module).values():
        own = getattr(kind, "__module__", None) == module.__name__
        if own and "_load_weights_to_model" in vars(kind):
            kind._load_weights_to_model = _loading_finite(kind._load_weights_to_model)  # noqa: SLF001


def _loading_finite(load: Callable[..., None]) -> Callable[..., None]:
    def load_finite(self: Any, model: nn.Module, *args: Any, **options: Any) -> None:
        meant = set(nonfinite_names(model.state_dict()))
        load(self, model, *args, **options)
        require_finite({k: v for k, v in model.state_dict().items() if k not in meant})

    return load_finite


def load_from_local(filename: str, map_location: MapLocation) -> Any:
    """Load a checkpoint file (the name is what MMEngine logs), or a ``.safetensors``.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file holds objects that are not in the list of what may occur, is
            damaged, or cannot be read otherwise. It names the newest whole checkpoint beside it.
        ImportError: If it is a ``.safetensors`` and the package of that name is missing.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} not found ({path.absolute()}): correct the argument, or load_from "
            "of the config"
        )
    try:
        if path.suffix == SUFFIX:
            with _explained(str(path)):
                return read_safetensors(path, map_location)
        return load_safely(str(path), map_location)
    except CheckpointError as error:
        whole = newest_whole(path.parent, besides=path)
        hint = f" The newest whole checkpoint in its folder is {whole}." if whole else ""
        raise CheckpointError(f"{error}{hint}") from None


def load_safely(
    file: str | IO[bytes], map_location: MapLocation = None, weights_only: object = None
) -> Any:
    """Load a file or its content as data, whatever ``weights_only`` says.

    Raises:
        CheckpointError: If it is no data, or none that is whole.
    """
    del weights_only
    with _explained(file if isinstance(file, str) else "the downloaded file"):
        require_whole(file)
        return torch.load(file, map_location=map_location, weights_only=True)


def _without_program(loaded: Any) -> Any:
    """Drop the config of MMDetection 2, which MMEngine would run to compare numbers of GPUs."""
    meta = loaded.get("meta") if isinstance(loaded, dict) else None
    if isinstance(meta, dict):
        meta.pop("config", None)
    return loaded


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Name the checkpoint, what is wrong with it and what to do in the errors of torch.load."""
    try:
        yield
    except (CheckpointError, ImportError):
        raise
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
        (_number_type, "numpy.dtype"),
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


def _number_type(code: object, *flags: Any) -> np.dtype[Any]:
    """A type of numbers; of arrays of objects, crafted content would be taken for addresses."""
    if not isinstance(code, str) or code.lstrip("<>|=") not in _CODES:
        raise pickle.UnpicklingError(f"GLOBAL numpy.dtype({code!r})")
    return np.dtype(code, *flags)
