"""A YuNet in every runtime that is installed, as a detector and as a network to time."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from chromium import chromium
from libfacedetection import LibFaceDetection
from numpy.typing import NDArray
from opencv_client import NMS_THR, SCORE_THR, faces_by_opencv
from releases import release_of

from mmeiou.apis import FaceDetector, Faces
from mmeiou.apis.candidates import Candidates
from mmeiou.apis.exported import ExportedBackend, as_batch
from mmeiou.apis.images import Image
from mmeiou.apis.litert_backend import LiteRTBackend
from mmeiou.apis.ncnn_backend import NcnnBackend
from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.apis.openvino_backend import OpenVinoBackend
from mmeiou.apis.torch_backend import TorchBackend
from mmeiou.apis.views import Size, padded_size
from mmeiou.config import load_detector, read_config
from mmeiou.deploy.browser.runtime import VERSION

_NOTHING = 2.0  # a score that no face has
SIZE = (640, 640)  # of files of one size, where their size in bytes is meant

Batch = NDArray[np.float32]


class Form(NamedTuple):
    """A detector in a runtime, computed by one thread."""

    runtime: str
    numbers: str
    """What it computes in."""
    release: str
    """Version of the runtime."""
    bytes: int
    """Of its files."""
    faces: Callable[[Image], Faces]
    seconds: Callable[[Batch], float]
    """That it takes for one batch: all outputs, nothing decoded."""


def forms(
    float_file: Path,
    int8_file: Path | None,
    trained: tuple[str, str] | None,
    folder: Path,
    resources: ExitStack,
) -> Iterator[Form]:
    """Every form that can be had; of a missing package, the line that says so is printed.

    Args:
        float_file: ``.onnx`` file of any size.
        int8_file: The same, quantized.
        trained: Config and checkpoint.
        folder: Where to write the other runtimes' files.
        resources: Of the forms, which work until it is closed.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if trained:
        yield _pytorch(*trained)
    for numbers, file in {"float32": float_file, "INT8": int8_file}.items():
        if file:
            backend = OnnxBackend(file, threads=1)
            yield _exported("ONNX Runtime", numbers, [file], backend, release_of("onnxruntime"))
            yield _opencv(numbers, file)
            yield from _tried(_openvino, file, numbers, folder / f"{file.stem}.xml")
    yield from _tried(_openvino, float_file, "bfloat16", folder / f"{float_file.stem}.xml")
    yield from _tried(_litert, float_file, folder)
    yield from _tried(_ncnn, float_file, folder / f"{float_file.stem}.ncnn.param")
    yield from _tried(_chromium, float_file, resources)
    if trained:
        yield from _tried(_libfacedetection, *trained, folder)


def _tried(build: Callable[..., Form], *arguments: Any) -> Iterator[Form]:
    try:
        yield build(*arguments)
    except ImportError as error:
        print(f"left out: {error}")


def _timed(network: Callable[[Batch], Any]) -> Callable[[Batch], float]:
    def seconds(batch: Batch) -> float:
        begin = time.perf_counter()
        network(batch)
        return time.perf_counter() - begin

    return seconds


def _exported(
    runtime: str,
    numbers: str,
    files: Sequence[Path],
    backend: ExportedBackend,
    release: str,
) -> Form:
    names = [name for levels in backend.names.values() for name in levels]
    return Form(
        runtime,
        numbers,
        release,
        sum(file.stat().st_size for file in files),
        _detector(files[0], backend),
        _timed(lambda batch: backend.run(batch, names)),
    )


def _detector(file: Path, backend: Any, checkpoint: str | None = None) -> FaceDetector:
    detector = FaceDetector(file, checkpoint, score_thr=SCORE_THR, nms_thr=NMS_THR)
    detector.backend = backend  # of one thread
    return detector


def _pytorch(config: str, checkpoint: str) -> Form:
    backend = TorchBackend(config, checkpoint, "cpu")

    def network(batch: Batch) -> Any:
        with torch.inference_mode():
            return backend.model(torch.from_numpy(batch), mode="tensor")

    return Form(
        "PyTorch",
        "float32",
        torch.__version__,
        Path(checkpoint).stat().st_size,
        _detector(Path(config), backend, checkpoint),
        _timed(network),
    )


def _opencv(numbers: str, file: Path) -> Form:
    net = cv2.dnn.readNetFromONNX(str(file))
    names = [output.name for output in OnnxBackend(file).session.get_outputs()]

    def network(batch: Batch) -> Any:
        net.setInput(batch)
        return net.forward(names)

    runtime = _opencv_name(net.getLayerTypes())
    return Form(
        runtime,
        numbers,
        cv2.__version__,
        file.stat().st_size,
        partial(faces_by_opencv, file),
        _timed(network),
    )


def _opencv_name(layer_types: Collection[str]) -> str:
    """OpenCV, and from version 5 on which of its engines a network is in.

    OPENCV_FORCE_DNN_ENGINE chooses it, once a process; by default it is the new one, or the classic
    one for files that the new one refuses. Each has names of its own for layers.
    """
    if not hasattr(cv2.dnn, "ENGINE_NEW"):
        return "OpenCV"
    return f"OpenCV 5, {'classic' if 'Convolution' in layer_types else 'new'} engine"


def convert(source: Path, target: Path, size: Size | None = None) -> None:
    """Write another runtime's file; see :func:`mmeiou.deploy.conversion.convert.convert`."""
    # onnx and ONNX Runtime are optional, and the table of former numbers needs neither.
    from mmeiou.deploy.conversion import convert as conversion  # noqa: PLC0415

    conversion.convert(source, target, size=size)


def _openvino(source: Path, numbers: str, target: Path) -> Form:
    if not target.is_file():
        convert(source, target)
    precision = "bf16" if numbers == "bfloat16" else "f32"
    backend = OpenVinoBackend(target, threads=1, precision=precision)
    files = [target, target.with_suffix(".bin")]
    return _exported("OpenVINO", numbers, files, backend, version("openvino"))


def _ncnn(source: Path, target: Path) -> Form:
    convert(source, target)
    files = [target, target.with_suffix(".bin")]
    backend = NcnnBackend(target, threads=1)
    return _exported("ncnn", "float32", files, backend, version("ncnn"))


class _SizedFiles:
    """LiteRT's files are of one size each: for every size that comes, one is made."""

    fixed_size = None

    def __init__(self, source: Path, folder: Path) -> None:
        self.divisor = OnnxBackend(source).divisor
        self.classes = ()
        self.source, self.folder = source, folder
        self.of_size = lru_cache(maxsize=2)(self._of_size)  # of large images they hold gigabytes

    def path(self, size: Size) -> Path:
        return self.folder / f"{self.source.stem}_{size[0]}x{size[1]}.tflite"

    def _of_size(self, size: Size) -> LiteRTBackend:
        if not self.path(size).is_file():
            convert(self.source, self.path(size), size=size)
        return LiteRTBackend(self.path(size), threads=1)

    def __call__(self, images: Sequence[Image], score_thr: float) -> list[Candidates]:
        return self.of_size(padded_size(images[0], self.divisor))(images, score_thr)

    def network(self, batch: Batch) -> Any:
        backend = self.of_size((batch.shape[3], batch.shape[2]))
        return backend.run(batch, [name for levels in backend.names.values() for name in levels])


def _litert(source: Path, folder: Path) -> Form:
    files = _SizedFiles(source, folder)
    files.of_size(SIZE)
    return Form(
        "LiteRT",
        "float32",
        version("ai-edge-litert"),
        files.path(SIZE).stat().st_size,
        _detector(source, files),
        _timed(files.network),
    )


def _chromium(source: Path, resources: ExitStack) -> Form:
    # The browser writes until it is gone.
    folder = resources.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
    browser = resources.enter_context(chromium(source, Path(folder)))
    return Form(
        "ONNX Runtime Web in Chromium",
        "float32",
        VERSION,
        source.stat().st_size,
        lambda image: browser.look(image, SCORE_THR).faces,
        lambda batch: browser.look(_picture(batch), _NOTHING).seconds,
    )


def _libfacedetection(config: str, checkpoint: str, folder: Path) -> Form:
    try:
        library = LibFaceDetection(load_detector(read_config(config), checkpoint), folder)
    except ValueError as error:  # it has YuNet_s alone
        raise ImportError(str(error)) from error

    def seconds(batch: Batch) -> float:  # of the whole library, which has no part alone
        picture = _picture(batch)
        return _timed(lambda _: library(picture))(batch)

    size = library.data.stat().st_size
    return Form("libfacedetection", "float32", version("yuface"), size, library, seconds)


def _picture(batch: Batch) -> Image:
    return np.ascontiguousarray(batch[0].transpose(1, 2, 0)).astype(np.uint8)


def noise(size: Size) -> Batch:
    """An input to time a network with."""
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return as_batch([pixels], size)
