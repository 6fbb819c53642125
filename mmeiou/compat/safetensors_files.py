"""Weights in ``.safetensors``: a file that cannot hold anything but tensors and text."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

SUFFIX = ".safetensors"
MapLocation = str | torch.device | dict[str, str] | Callable[..., Any] | None

_META = "dataset_meta"


def read_safetensors(path: Path, map_location: MapLocation = None) -> dict[str, Any]:
    """Read weights as MMEngine expects a checkpoint.

    Args:
        path: The file.
        map_location: A device; anything else is the CPU.

    Returns:
        ``state_dict`` and, if the file has the names of classes, ``meta`` with ``dataset_meta``.

    Raises:
        ImportError: If safetensors is missing.
    """
    safetensors = _package()
    device = str(map_location) if isinstance(map_location, (str, torch.device)) else "cpu"
    with safetensors.safe_open(path, framework="pt", device=device) as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        about = file.metadata() or {}
    meta = {"meta": {_META: json.loads(about[_META])}} if _META in about else {}
    return {"state_dict": weights, **meta}


def write_safetensors(
    path: Path, weights: Mapping[str, torch.Tensor], dataset_meta: Mapping[str, Any] | None = None
) -> None:
    """Write weights.

    Args:
        path: The file.
        weights: A model's, as ``state_dict`` gives them.
        dataset_meta: Names of classes and the like; of it, what JSON can say is kept.

    Raises:
        ImportError: If safetensors is missing.
    """
    _package()
    from safetensors.torch import save_file  # noqa: PLC0415

    # Tensors that share memory, as tied weights do, are refused.
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    about = {_META: json.dumps(_plain(dataset_meta))} if dataset_meta else None
    save_file(tensors, path, about)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _package() -> Any:
    try:
        import safetensors  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "weights in .safetensors need the package of that name: "
            "pip install 'mmeiou[safetensors]'"
        ) from error
    return safetensors
