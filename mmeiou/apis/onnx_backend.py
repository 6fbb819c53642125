"""Exported detectors, run by ONNX Runtime; MMDetection is not needed."""

import json
import re
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmeiou.apis.candidates import Candidates
from mmeiou.apis.images import Image
from mmeiou.apis.views import Size, padded_size
from mmeiou.functional.priors import decode_boxes, decode_keypoints, grid_priors


class OnnxBackend:
    """A model of the contract that OpenCV's ``FaceDetectorYN`` set.

    One input, float32 BGR ``(N, 3, H, W)`` of 0 to 255, and for every stride ``s`` the outputs
    ``cls_s`` and ``obj_s`` (probabilities), ``bbox_s`` and, with landmarks, ``kps_s``, each
    ``(N, H / s * W / s, channels)`` row by row.

    Args:
        path: The ``.onnx`` file.
        device: ``cpu``, ``cuda`` or ``cuda:<index>``.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If ONNX Runtime is missing.
        ValueError: If the file is no such model, or ONNX Runtime has no such device.
    """

    def __init__(self, path: str | PathLike[str], device: str) -> None:
        if not Path(path).is_file():
            raise FileNotFoundError(f"model {path} not found")
        self.session = _open(fspath(path), device)
        shapes = {output.name: output.shape for output in self.session.get_outputs()}
        self.strides = sorted(int(name[4:]) for name in shapes if re.fullmatch(r"cls_\d+", name))
        branches = ("cls", "obj", "bbox", *(["kps"] if "kps_8" in shapes else []))
        self.names = {branch: [f"{branch}_{s}" for s in self.strides] for branch in branches}
        missing = {name for names in self.names.values() for name in names} - set(shapes)
        if missing or not self.strides:
            raise ValueError(
                f"{path}: outputs {sorted(shapes)}, but FaceDetector decodes cls_8, obj_8, bbox_8, "
                "kps_8, cls_16 and so on itself; export with tools/export_onnx.py, without "
                "--with-nms"
            )
        batch, _, height, width = self.session.get_inputs()[0].shape
        self.divisor = self.strides[-1]
        self.classes = _classes(self.session.get_modelmeta().custom_metadata_map)
        self.fixed_size = (width, height) if isinstance(width, int) else None
        self.fixed_batch = batch if isinstance(batch, int) else None

    def __call__(self, images: Sequence[Image], score_thr: float) -> list[Candidates]:
        """What the network proposes, in pixels of its input.

        Args:
            images: (h, w, 3), at least one, alike in size when padded, by zeros to the right and
                below, to multiples of ``divisor``; for ``fixed_size`` none larger than that.
            score_thr: Smallest score of a proposal.
        """
        width, height = self.fixed_size or padded_size(images[0], self.divisor)
        batch = as_batch(images, (width, height))
        step = self.fixed_batch or len(batch)
        priors = grid_priors([(height // s, width // s) for s in self.strides], self.strides)
        return [
            self._decode(priors, outputs, score_thr)
            for start in range(0, len(batch), step)
            for outputs in self._run(batch[start : start + step], step)
        ]

    def _run(self, batch: Any, step: int) -> list[dict[str, Tensor]]:
        """The branches of each image, their levels side by side."""
        given = len(batch)
        filled = np.concatenate([batch, batch[:1].repeat(step - given, axis=0)])
        names = [name for levels in self.names.values() for name in levels]
        values = self.session.run(names, {self.session.get_inputs()[0].name: filled})
        outputs = dict(zip(names, map(torch.from_numpy, values), strict=True))
        flat = {
            branch: torch.cat([outputs[name] for name in levels], dim=1)
            for branch, levels in self.names.items()
        }
        return [{branch: flat[branch][i] for branch in flat} for i in range(given)]

    @staticmethod
    def _decode(priors: Tensor, outputs: dict[str, Tensor], score_thr: float) -> Candidates:
        scores, labels = (outputs["cls"] * outputs["obj"]).max(dim=1)
        keep = scores >= score_thr
        priors = priors[keep]
        kps = outputs["kps"][keep] if "kps" in outputs else priors[:, :0]
        return Candidates(
            boxes=decode_boxes(priors, outputs["bbox"][keep]),
            scores=scores[keep],
            landmarks=decode_keypoints(priors, kps),
            labels=labels[keep],
        )


def _classes(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The names that an export of this project writes; none for other files."""
    try:
        names = json.loads(metadata.get("classes", "[]"))
    except ValueError:
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def as_batch(images: Sequence[Image], size: Size) -> NDArray[np.float32]:
    """A network's input ``(n, 3, height, width)``.

    Args:
        images: (h, w, 3), none larger than ``size``; zeros come to the right and below.
        size: Width and height.
    """
    width, height = size
    batch = np.zeros((len(images), 3, height, width), np.float32)
    for padded, image in zip(batch, images, strict=True):
        padded[:, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
    return batch


def _open(path: str, device: str) -> Any:
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
    options = {"device_id": index} if index else {}
    try:
        return onnxruntime.InferenceSession(path, providers=[(wanted, options)])
    except Exception as error:  # its errors have no common class
        raise ValueError(f"{path} cannot be opened by ONNX Runtime: {error}") from error
