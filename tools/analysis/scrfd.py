"""SCRFD's own ONNX files with landmarks, decoded, to compare YuNet with.

Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", ICLR 2022; the
conventions are those of InsightFace's ``scrfd.py``: RGB, ``(x - 127.5) / 128``, two anchors a cell,
distances from the cell's corner in strides, and for the strides 8, 16 and 32 first the three
outputs of scores, then those of boxes, then those of landmarks.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from mmeiou.apis import Faces
from mmeiou.apis.candidates import Candidates, select_faces
from mmeiou.apis.images import Image
from mmeiou.apis.onnx_backend import open_session
from mmeiou.apis.views import make_views

STRIDES, ANCHORS = (8, 16, 32), 2
OUTPUTS = 9  # scores, boxes and landmarks of three strides


def is_scrfd(path: str) -> bool:
    """Whether an ONNX file has SCRFD's nine outputs, whose names say nothing, not YuNet's.

    Raises:
        ImportError: If ONNX Runtime is missing.
        ValueError: If it cannot open the file.
    """
    names = [output.name for output in open_session(path).get_outputs()]
    return len(names) == OUTPUTS and not any(name.startswith("cls_") for name in names)


class SCRFD:
    """Finds faces in an image, as :class:`mmeiou.apis.FaceDetector` does.

    Args:
        path: The file, of fixed input size. Images are shrunk into it, never enlarged.
        score_thr: Smallest score.
        nms_thr: Largest IoU at which two boxes are two faces.

    Raises:
        ImportError: If ONNX Runtime is missing.
        ValueError: If it cannot open the file, or the file has other inputs or outputs.
    """

    def __init__(self, path: str, score_thr: float = 0.3, nms_thr: float = 0.45) -> None:
        self.session = open_session(path)
        (given,) = self.session.get_inputs()
        self.input, (height, width) = given.name, given.shape[2:]
        count = len(self.session.get_outputs())
        if count != OUTPUTS or not isinstance(height, int) or not isinstance(width, int):
            raise ValueError(
                f"{path}: {count} outputs, input {given.shape}; expected {OUTPUTS} and a fixed "
                "size, as of SCRFD with landmarks"
            )
        self.size = (width, height)
        self.score_thr, self.nms_thr = score_thr, nms_thr

    def __call__(self, image: Image) -> Faces:
        """The faces of an image (h, w, 3) BGR uint8, best first."""
        (view,) = make_views(image, (1.0,), None, self.size)
        padded = np.zeros((self.size[1], self.size[0], 3), np.float32)
        padded[: view.pixels.shape[0], : view.pixels.shape[1]] = view.pixels
        pixels = ((padded[..., ::-1] - 127.5) / 128).transpose(2, 0, 1)[None]
        outputs = self.session.run(None, {self.input: np.ascontiguousarray(pixels)})
        found = decode([output.reshape(-1, output.shape[-1]) for output in outputs], self.size[0])
        kept = Candidates(*(part[found.scores >= self.score_thr] for part in found))
        return select_faces([kept.rescaled(view.scale)], self.nms_thr, None)


def decode(outputs: list[NDArray[np.float32]], width: int) -> Candidates:
    """Candidates of all anchors, in pixels of the input.

    Args:
        outputs: Three of each (p, 1) scores, (p, 4) distances to the box's left, top, right and
            bottom, (p, 2K) offsets of landmarks, both in strides.
        width: Of the input.
    """
    boxes, landmarks = [], []
    for stride, sides, offsets in zip(STRIDES, outputs[3:6], outputs[6:], strict=True):
        cell = np.arange(len(sides)) // ANCHORS
        row, column = np.divmod(cell, width // stride)
        corner = np.stack([column, row], axis=1)
        near, far = corner - sides[:, :2], corner + sides[:, 2:]
        boxes.append(np.concatenate([near, far], axis=1) * stride)
        landmarks.append((corner[:, None] + offsets.reshape(len(offsets), -1, 2)) * stride)
    scores = np.concatenate(outputs[:3])[:, 0]
    return Candidates(
        torch.from_numpy(np.concatenate(boxes).astype(np.float32)),
        torch.from_numpy(scores),
        torch.from_numpy(np.concatenate(landmarks).astype(np.float32)),
        torch.zeros(len(scores), dtype=torch.long),
    )
