"""To OpenVINO's ``.xml`` and ``.bin``."""

from pathlib import Path

import onnx

from mmeiou.apis.openvino_backend import CLASSES


def to_openvino(source: Path, target: Path, *, half: bool) -> None:
    """Convert, by OpenVINO itself; integers of a quantized file stay.

    Args:
        source: The ``.onnx`` file.
        target: The ``.xml`` file to write; the weights come into the ``.bin`` file beside it.
        half: Store the weights in 16 bits; OpenVINO computes in 32 all the same.

    Raises:
        ImportError: If OpenVINO is missing.
        RuntimeError: If OpenVINO does not take the file.
    """
    try:
        import openvino  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise ImportError(
            ".xml files are written by OpenVINO: pip install 'mmeiou[openvino]'"
        ) from error
    model = openvino.convert_model(source)
    for entry in onnx.load(source).metadata_props:
        if entry.key == CLASSES[-1]:
            model.set_rt_info(entry.value, CLASSES)
    openvino.save_model(model, target, compress_to_fp16=half)
