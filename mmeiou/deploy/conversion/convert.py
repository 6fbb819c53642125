"""A file of another runtime, compared with ONNX Runtime before it appears."""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx

from mmeiou.apis.exported import ExportedBackend
from mmeiou.apis.face_detector import EXPORTED
from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.apis.views import Size
from mmeiou.deploy.conversion.litert import to_litert
from mmeiou.deploy.conversion.ncnn import to_ncnn
from mmeiou.deploy.conversion.openvino import to_openvino
from mmeiou.deploy.int8.quantize import is_quantized
from mmeiou.whole_files import replacing

CONVERTERS: dict[str, Callable[..., None]] = {
    ".xml": to_openvino,
    ".tflite": to_litert,
    ".param": to_ncnn,
}
"""What writes a file, by its suffix."""

ONE_SIZE = {".tflite"}
"""Files that are of one size, whatever their source is."""

_WEIGHTS_BESIDE = {".xml", ".param"}  # in a file of the same name and .bin

TOLERANCES = {"float": 1e-4, "half": 0.2, "int8": 0.5}
"""Of outputs, boxes among them in strides. In integers, what is rounded up here is rounded down
there; weights of 16 bits have three decimals."""


def convert(source: Path, target: Path, *, half: bool = False, size: Size | None = None) -> float:
    """Convert an exported model, and compare the two.

    What belongs to the file, such as its weights, comes beside it; all of it or nothing.

    Args:
        source: The ``.onnx`` file.
        target: The file to write; its suffix says the runtime.
        half: Store the weights in 16 bits.
        size: Width and height of the input, for a file that has one where the source is of any.

    Returns:
        Largest difference between the outputs of the two, for noise.

    Raises:
        FileNotFoundError: If there is no source.
        ImportError: If a package of the runtime is missing.
        ValueError: If the suffix is no runtime's, the source nothing that it takes, or the file's
            weights would replace those of another runtime's file.
        RuntimeError: If the converter fails, or the difference is above :data:`TOLERANCES`.
    """
    if target.suffix not in CONVERTERS:
        raise ValueError(f"{target}: expected a file of {', '.join(CONVERTERS)}")
    _keep_others_weights(target)
    reference = OnnxBackend(source)
    kind = "int8" if is_quantized(onnx.load(source)) else "half" if half else "float"
    options = {"size": _size(reference, size)} if target.suffix in ONE_SIZE else {}
    if size and not options:
        raise ValueError(f"size {size}: a file of {target.suffix} is of the size of its source")
    with TemporaryDirectory() as folder:
        made = Path(folder) / target.name
        CONVERTERS[target.suffix](source, made, half=half, **options)
        difference = largest_difference(EXPORTED[target.suffix](made, "cpu"), reference)
        if not difference <= TOLERANCES[kind]:
            raise RuntimeError(
                f"the converted model differs from {source} by {difference:.2g}, more than "
                f"{TOLERANCES[kind]}; nothing was written"
            )
        # The file itself last: where it is, all of it is.
        for part in sorted(Path(folder).iterdir(), key=lambda part: part == made):
            with replacing(target.with_name(part.name)) as unfinished:
                shutil.copyfile(part, unfinished)
    return difference


def _keep_others_weights(target: Path) -> None:
    if target.suffix not in _WEIGHTS_BESIDE:
        return
    weights = target.with_suffix(".bin")
    for other in (target.with_suffix(suffix) for suffix in _WEIGHTS_BESIDE - {target.suffix}):
        if other.exists():
            raise ValueError(f"{target}: {weights} holds the weights of {other}; name it otherwise")


def _size(reference: ExportedBackend, size: Size | None) -> Size:
    fixed = reference.fixed_size
    width, height = size or fixed or (640, 640)
    if min(width, height) < 1 or width % reference.divisor or height % reference.divisor:
        raise ValueError(f"size {size}: expected positive multiples of {reference.divisor}")
    if fixed and fixed != (width, height):
        raise ValueError(f"size {size}: the source is of {fixed[0]} x {fixed[1]} only")
    return width, height


def largest_difference(one: ExportedBackend, other: ExportedBackend) -> float:
    """Between outputs of the same name, for noise; at two sizes where both take any."""
    fixed = one.fixed_size or other.fixed_size
    largest = 0.0
    for width, height in [fixed] if fixed else [(96, 64), (64, 160)]:
        noise = np.random.default_rng(0).uniform(0, 255, (1, 3, height, width))
        names = [name for levels in other.names.values() for name in levels]
        outputs = (net.run(noise.astype(np.float32), names) for net in (one, other))
        for ours, theirs in zip(*outputs, strict=True):
            largest = max(largest, float(np.abs(ours - theirs).max()))
    return largest
