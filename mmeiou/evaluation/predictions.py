"""Detections from whatever a tool of this project leaves them in, pickles included."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from mmeiou.evaluation.samples import sample_detections
from mmeiou.labels import read_detections
from mmeiou.labels.errors import LabelError
from mmeiou.labels.image_files import image_key
from mmeiou.labels.records import Detections

PICKLES = (".pkl", ".pickle")

# What tensors, arrays and plain containers are made of.
_ALLOWED = {
    ("collections", "OrderedDict"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("torch", "Size"),
    ("torch", "device"),
    ("torch._utils", "_rebuild_tensor_v2"),
}


def read_predictions(source: Path, label: int = 0) -> dict[str, Detections]:
    """Read the detections of a class in a set of images.

    Args:
        source: What :func:`mmeiou.labels.read_detections` reads, or what
            ``tools/test.py --out FILE.pkl`` writes.
        label: The class to read where there are several.

    Returns:
        By :func:`~mmeiou.labels.image_files.image_key` of the image, sorted as in the source.

    Raises:
        FileNotFoundError: If there is nothing.
        LabelError: If it is none of these, or holds anything but data; names the file.
    """
    if source.suffix not in PICKLES or not source.is_file():
        return read_detections(source, label=label)
    try:
        samples = _Data(io.BytesIO(source.read_bytes())).load()
        found = [(image_key(one["img_path"]), sample_detections(one, label)) for one in samples]
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to call for
        problem = f"not written by tools/test.py --out ({type(error).__name__}: {error})"
        raise LabelError(problem, f"predictions {source}") from error
    by_key = dict(found)
    if len(by_key) < len(found):
        raise LabelError("two images have the same folder and name", f"predictions {source}")
    return by_key


class _Data(pickle.Unpickler):
    """Reads data alone: whatever else a pickle would call is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch.storage", "_load_from_bytes"):
            return _storage
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it would call {module}.{name}")
        return super().find_class(module, name)


def _storage(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), weights_only=True)
