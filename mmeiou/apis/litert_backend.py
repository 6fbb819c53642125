"""``.tflite`` files, run by LiteRT, once TensorFlow Lite."""

import os
from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.apis.exported import ExportedBackend, require_file


class LiteRTBackend(ExportedBackend):
    """A model in LiteRT; one image at a time, of one size.

    The input is laid out as its CPU kernels and cameras do, ``(1, H, W, 3)``.

    Args:
        path: The ``.tflite`` file; the names of the contract are those of its signature.
        device: ``cpu``.
        threads: To run it with; None takes all cores.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If LiteRT is missing.
        ValueError: If the file is no such model, or for another device.
    """

    def __init__(
        self, path: str | PathLike[str], device: str = "cpu", threads: int | None = None
    ) -> None:
        require_file(path)
        if device != "cpu":
            raise ValueError(f"device={device!r}: this package runs LiteRT on cpu only")
        self.runner = _open(fspath(path), threads or os.cpu_count())
        inputs = list(self.runner.get_input_details().items())
        if len(inputs) != 1 or len(inputs[0][1]["shape_signature"]) != len("NHWC"):
            raise ValueError(f"{path}: expected one input, (1, H, W, 3)")
        (self.input_name, details), *_ = inputs
        batch, height, width, channels = map(int, details["shape_signature"])
        if channels != 3:  # noqa: PLR2004 - BGR
            raise ValueError(f"{path}: input {details['shape_signature']}, expected (1, H, W, 3)")
        super().__init__(path, self.runner.get_output_details(), (batch, 3, height, width))

    def run(self, batch: NDArray[np.float32], names: Sequence[str]) -> list[NDArray[np.float32]]:
        """See :class:`mmeiou.apis.exported.ExportedBackend`."""
        pixels = np.ascontiguousarray(batch.transpose(0, 2, 3, 1))
        outputs = self.runner(**{self.input_name: pixels})
        return [outputs[name] for name in names]


def _open(path: str, threads: int | None) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "FaceDetector runs .tflite files by LiteRT: pip install 'mmeiou[litert]'"
        ) from error
    try:
        return Interpreter(path, num_threads=threads).get_signature_runner()
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{path} cannot be opened by LiteRT: {error}") from error
