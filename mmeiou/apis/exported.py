"""Exported detectors, whatever runtime runs them; MMDetection is not needed."""

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mmeiou.apis.candidates import Candidates
from mmeiou.apis.images import Image
from mmeiou.apis.views import Size, padded_size
from mmeiou.functional.finite import all_finite
from mmeiou.functional.priors import decode_boxes, decode_keypoints, grid_priors

# A file may say anything: what it says is not allocated. FPNs end at 128; 8192 x 8192 pixels.
_MAX_STRIDE = 1024
_MAX_PIXELS = 8192**2


class ExportedBackend(ABC):
    """A model of the contract that OpenCV's ``FaceDetectorYN`` set.

    One input, float32 BGR ``(N, 3, H, W)`` of 0 to 255, and for every stride ``s`` the outputs
    ``cls_s`` and ``obj_s`` (probabilities), ``bbox_s`` and, with landmarks, ``kps_s``, each
    ``(N, H / s * W / s, channels)`` row by row. A subclass opens the file and runs it.

    Args:
        path: The file, for messages.
        names: Of the outputs.
        shape: Of the input, N, 3, H, W; what is no number is free.
        classes: Their names as the file says them, a list in JSON; None for other files than ours.

    Raises:
        ValueError: If the file is no such model.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        names: Iterable[str],
        shape: Sequence[int | str | None],
        classes: str | None = None,
    ) -> None:
        given = set(names)
        self.strides = _strides(path, given)
        landmarks = ["kps"] if any(name.startswith("kps_") for name in given) else []
        branches = ("cls", "obj", "bbox", *landmarks)
        self.names = {branch: [f"{branch}_{s}" for s in self.strides] for branch in branches}
        missing = {name for names in self.names.values() for name in names} - given
        if missing or not self.strides:
            raise ValueError(
                f"{path}: outputs {sorted(given)}, but FaceDetector decodes cls_8, obj_8, bbox_8, "
                "kps_8, cls_16 and so on itself; export with tools/export_onnx.py, without "
                "--with-nms"
            )
        self.divisor = self.strides[-1]
        self.classes = _classes(classes)
        self.fixed_batch, self.fixed_size = _fixed(path, shape)

    @abstractmethod
    def run(self, batch: NDArray[np.float32], names: Sequence[str]) -> list[NDArray[np.float32]]:
        """These outputs of the network for a batch ``(N, 3, H, W)``, as the contract has them."""

    def __call__(self, images: Sequence[Image], score_thr: float) -> list[Candidates]:
        """What the network proposes, in pixels of its input.

        Args:
            images: (h, w, 3), at least one, alike in size when padded, by zeros to the right and
                below, to multiples of ``divisor``; for ``fixed_size`` none larger than that.
            score_thr: Smallest score of a proposal.

        Raises:
            ValueError: If scores, or boxes or landmarks of proposals, are not finite.
        """
        width, height = self.fixed_size or padded_size(images[0], self.divisor)
        batch = as_batch(images, (width, height))
        step = self.fixed_batch or len(batch)
        priors = grid_priors([(height // s, width // s) for s in self.strides], self.strides)
        return [
            self._decode(priors, outputs, score_thr)
            for start in range(0, len(batch), step)
            for outputs in self._outputs(batch[start : start + step], step)
        ]

    def _outputs(self, batch: Any, step: int) -> list[dict[str, Tensor]]:
        """The branches of each image, their levels side by side."""
        given = len(batch)
        missing = step - given
        filled = np.concatenate([batch, batch[:1].repeat(missing, axis=0)]) if missing else batch
        names = [name for levels in self.names.values() for name in levels]
        values = self.run(filled, names)
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
        boxes = decode_boxes(priors, outputs["bbox"][keep])
        landmarks = decode_keypoints(priors, kps)
        if not all_finite([scores, boxes, landmarks]):
            raise ValueError(
                "the model's scores, boxes or landmarks are not finite: its weights are damaged, "
                "or it overflows in low precision"
            )
        return Candidates(boxes, scores[keep], landmarks, labels[keep])


def _classes(written: str | None) -> tuple[str, ...]:
    try:
        names = json.loads(written or "[]")
    except ValueError:
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _strides(path: str | PathLike[str], names: Iterable[str]) -> list[int]:
    digits = [name[4:] for name in names if re.fullmatch(r"cls_[0-9]+", name)]
    if any(len(one) > len(str(_MAX_STRIDE)) or not 1 <= int(one) <= _MAX_STRIDE for one in digits):
        raise ValueError(f"{path}: strides {', '.join(digits)}, expected 1 to {_MAX_STRIDE}")
    return sorted(map(int, digits))


def _fixed(
    path: str | PathLike[str], shape: Sequence[int | str | None]
) -> tuple[int | None, Size | None]:
    """Images of a batch, and width and height of an image, where an input's shape says them."""
    batch, _, height, width = (
        [side if isinstance(side, int) else None for side in shape]
        if len(shape) == len("NCHW")
        else [0] * 4
    )
    given = [side for side in (batch, height, width) if side is not None]
    if min(given, default=1) < 1 or math.prod(given) > _MAX_PIXELS:
        raise ValueError(
            f"{path}: input {shape}, expected (N, 3, H, W) of no more than {_MAX_PIXELS} pixels"
        )
    if (height is None) != (width is None):
        raise ValueError(
            f"{path}: input {shape}, expected height and width, or neither, as numbers"
        )
    return batch, (width, height) if width is not None and height is not None else None


def as_batch(images: Sequence[Image], size: Size) -> NDArray[np.float32]:
    """A network's input ``(n, 3, height, width)``.

    Args:
        images: (h, w, 3), none larger than ``size``; zeros come to the right and below.
        size: Width and height.
    """
    width, height = size
    batch = np.zeros((len(images), 3, height, width), np.float32)
    for padded, image in zip(batch, images, strict=True):
        for channel, plane in enumerate(padded):  # faster than the transposed image at once
            plane[: image.shape[0], : image.shape[1]] = cv2.extractChannel(image, channel)
    return batch


def require_file(path: str | PathLike[str]) -> None:
    """A file of a model is there.

    Raises:
        FileNotFoundError: If it is not.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"model {path} not found")
