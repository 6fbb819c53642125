"""``.onnx`` files, run by ONNX Runtime."""

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.apis.exported import ExportedBackend, require_file
from mmeiou.threads import ONNX_RUNTIME_SPIN


class OnnxBackend(ExportedBackend):
    """A model in ONNX Runtime.

    Args:
        path: The ``.onnx`` file.
        device: ``cpu``, ``cuda`` or ``cuda:<index>``.
        threads: To run it with; None leaves it to ONNX Runtime.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If ONNX Runtime is missing.
        ValueError: If the file is no such model, or ONNX Runtime has no such device.
    """

    def __init__(
        self, path: str | PathLike[str], device: str = "cpu", threads: int | None = None
    ) -> None:
        require_file(path)
        self.session = open_session(fspath(path), device, threads)
        self.input_name = self.session.get_inputs()[0].name
        super().__init__(
            path,
            [output.name for output in self.session.get_outputs()],
            self.session.get_inputs()[0].shape,
            self.session.get_modelmeta().custom_metadata_map.get("classes"),
        )

    def run(self, batch: NDArray[np.float32], names: Sequence[str]) -> list[NDArray[np.float32]]:
        """See :class:`mmeiou.apis.exported.ExportedBackend`."""
        return self.session.run(names, {self.input_name: batch})


def open_session(path: str, device: str = "cpu", threads: int | None = None) -> Any:
    """ONNX Runtime's session of a file, with the arguments and errors of :class:`OnnxBackend`."""
    try:
        import onnxruntime  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "FaceDetector runs .onnx files by ONNX Runtime: pip install 'mmeiou[deploy]'"
        ) from error
    kind, _, index = device.partition(":")
    wanted = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}.get(kind)
    available = onnxruntime.get_available_providers()
    if wanted not in available:
        raise ValueError(f"device={device!r}: this ONNX Runtime has {', '.join(available)} only")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    for key, value in ONNX_RUNTIME_SPIN.items():
        options.add_session_config_entry(key, value)
    where = {"device_id": index} if index else {}
    try:
        return onnxruntime.InferenceSession(path, options, providers=[(wanted, where)])
    except Exception as error:  # its errors have no common class
        raise ValueError(f"{path} cannot be opened by ONNX Runtime: {error}") from error
