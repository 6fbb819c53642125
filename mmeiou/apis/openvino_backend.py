"""``.xml`` files with their ``.bin``, run by OpenVINO."""

from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.apis.exported import ExportedBackend, require_file

CLASSES = ["mmeiou", "classes"]  # where they stand in the file's runtime info


class OpenVinoBackend(ExportedBackend):
    """A model in OpenVINO, computed in float32.

    Left alone, OpenVINO rounds to bfloat16 on CPUs that are fast in it, and finds other faces there
    than elsewhere.

    Args:
        path: The ``.xml`` file; the weights are in the ``.bin`` file beside it.
        device: A device of OpenVINO's, ``cpu`` or ``gpu``.
        threads: To run it with; None leaves it to OpenVINO.
        precision: To compute in, ``f32``, ``bf16`` or ``f16``; quantized layers stay in integers.

    Raises:
        FileNotFoundError: If either file is missing.
        ImportError: If OpenVINO is missing.
        ValueError: If the file is no such model, or OpenVINO has no such device.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        device: str = "cpu",
        threads: int | None = None,
        precision: str = "f32",
    ) -> None:
        require_file(path)
        require_file(Path(path).with_suffix(".bin"))
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": precision}
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        model, compiled = _open(fspath(path), device, options)
        self.request = compiled.create_infer_request()
        dimensions = model.input(0).get_partial_shape()
        super().__init__(
            path,
            [name for output in model.outputs for name in output.get_names()],
            [None if one.is_dynamic else one.get_length() for one in dimensions],
            model.get_rt_info(CLASSES).astype(str) if model.has_rt_info(CLASSES) else None,
        )

    def run(self, batch: NDArray[np.float32], names: Sequence[str]) -> list[NDArray[np.float32]]:
        """See :class:`mmeiou.apis.exported.ExportedBackend`."""
        outputs = self.request.infer({0: batch})
        return [outputs[name] for name in names]


def _open(path: str, device: str, options: Mapping[str, Any]) -> tuple[Any, Any]:
    try:
        import openvino  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            "FaceDetector runs .xml files by OpenVINO: pip install 'mmeiou[openvino]'"
        ) from error
    core = openvino.Core()
    if device.upper() not in core.available_devices:
        available = ", ".join(core.available_devices).lower()
        raise ValueError(f"device={device!r}: this OpenVINO has {available} only")
    try:
        model = core.read_model(path)
        return model, core.compile_model(model, device.upper(), options)
    except RuntimeError as error:
        raise ValueError(f"{path} cannot be opened by OpenVINO: {error}") from error
