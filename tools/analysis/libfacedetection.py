"""A YuNet_s in libfacedetection, the authors' C++ library, as the package yuface compiles it."""

import ctypes
import importlib.util
import shutil
import subprocess
from pathlib import Path

import numpy as np

from mmeiou.apis import Faces
from mmeiou.apis.images import Image
from mmeiou.deploy.cpp_data import export_cpp
from mmeiou.models.detectors import YuNet

# What of the library's facedetectcnn.h the weights need.
HEADER = """#pragma once
struct ConvInfoStruct {
    int channels, num_filters;
    bool is_depthwise, is_pointwise, with_relu;
    float *pWeights, *pBiases;
};
"""
DATA = "facedetectcnn-data.cpp"
BYTES = 0x20000  # of what it finds
VALUES = 16  # of a face: score, x y w h, five landmarks, one unused


class LibFaceDetection:
    """The library with a detector's weights in place of its own.

    One a process: the dynamic linker takes the weights that come first. Scores are whole percents,
    boxes and landmarks whole pixels, and its thresholds are compiled in.

    Args:
        model: The detector.
        folder: For ``facedetectcnn-data.cpp`` and what is compiled of it.

    Raises:
        ImportError: If yuface or a compiler is missing.
        ValueError: If the library's network is another one.
        RuntimeError: If the compiler refuses it.
    """

    def __init__(self, model: YuNet, folder: Path) -> None:
        spec = importlib.util.find_spec("yuface")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("libfacedetection is not there: pip install --no-deps yuface")
        compiler = shutil.which("g++")
        if compiler is None:
            raise ImportError("libfacedetection's weights need g++ to be compiled")
        self.data = folder / DATA
        export_cpp(model, self.data)
        (folder / "facedetectcnn.h").write_text(HEADER)
        compiled = folder / "data.so"
        command = [compiler, "-std=c++17", "-O2", "-shared", "-fPIC", f"-I{folder}"]
        command += [str(self.data), "-o", str(compiled)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.data} cannot be compiled: {done.stderr}")
        ctypes.CDLL(str(compiled), mode=ctypes.RTLD_GLOBAL)
        library = Path(spec.submodule_search_locations[0]) / "libfacedetection.so"
        self._detect = ctypes.CDLL(str(library))["_Z14facedetect_cnnPhS_iii"]
        self._detect.restype = None

    def __call__(self, image: Image) -> Faces:
        """The faces; scores as others have them, class probability times objectness."""
        image = np.ascontiguousarray(image)
        buffer = np.zeros(BYTES, np.uint8)
        height, width = image.shape[:2]
        self._detect(buffer.ctypes, image.ctypes, width, height, 3 * width)
        count = int(buffer[:4].view(np.int32)[0])
        values = buffer[4:].view(np.int16)[: count * VALUES].reshape(count, VALUES)
        found = values.astype(np.float32)
        boxes = np.concatenate([found[:, 1:3], found[:, 1:3] + found[:, 3:5]], axis=1)
        scores = np.square(found[:, 0] / np.float32(100))  # the library's are the square roots
        return Faces(boxes, scores, found[:, 5:15].reshape(-1, 5, 2), np.zeros(count, np.int64))
