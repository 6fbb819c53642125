"""``.param`` files with their ``.bin``, run by ncnn."""

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.apis.exported import ExportedBackend, require_file

# What ncnn rounds to on CPUs that are fast in it, ARM's above all.
_ROUNDED = (
    "use_fp16_packed",
    "use_fp16_storage",
    "use_fp16_arithmetic",
    "use_bf16_packed",
    "use_bf16_storage",
)


class NcnnBackend(ExportedBackend):
    """A model in ncnn, computed in float32; images of any size, one at a time.

    Args:
        path: The ``.param`` file, its blobs named as the contract says; the weights are in the
            ``.bin`` file beside it.
        device: ``cpu``.
        threads: To run it with; None leaves it to ncnn.

    Raises:
        FileNotFoundError: If either file is missing.
        ImportError: If ncnn is missing.
        ValueError: If the file is no such model, or for another device.
    """

    def __init__(
        self, path: str | PathLike[str], device: str = "cpu", threads: int | None = None
    ) -> None:
        require_file(path)
        require_file(Path(path).with_suffix(".bin"))
        if device != "cpu":
            raise ValueError(f"device={device!r}: this package runs ncnn on cpu only")
        self.ncnn, self.net = _open(fspath(path), threads)
        (self.input_name,) = self.net.input_names()
        super().__init__(path, self.net.output_names(), (1, 3, None, None))

    def run(self, batch: NDArray[np.float32], names: Sequence[str]) -> list[NDArray[np.float32]]:
        """See :class:`mmeiou.apis.exported.ExportedBackend`; a batch of one."""
        (image,) = batch
        pixels = self.ncnn.Mat(image)  # a view, alive as long as the image
        with self.net.create_extractor() as extractor:
            extractor.input(self.input_name, pixels)
            outputs = [extractor.extract(name) for name in names]
            if failed := [name for name, (code, _) in zip(names, outputs, strict=True) if code]:
                raise ValueError(f"ncnn computes no {', '.join(failed)}: the model is damaged")
            return [np.array(mat).reshape(1, -1, mat.w) for _, mat in outputs]


def _open(path: str, threads: int | None) -> tuple[Any, Any]:
    try:
        import ncnn  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "FaceDetector runs .param files by ncnn: pip install 'mmeiou[ncnn]'"
        ) from error
    net = ncnn.Net()
    for option in _ROUNDED:
        setattr(net.opt, option, False)
    if threads is not None:
        net.opt.num_threads = threads
    weights = fspath(Path(path).with_suffix(".bin"))
    if net.load_param(path) or net.load_model(weights) or len(net.input_names()) != 1:
        raise ValueError(f"{path} cannot be opened by ncnn: it said why on standard error")
    return ncnn, net
