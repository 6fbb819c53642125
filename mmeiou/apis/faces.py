"""What a face detector finds in an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Faces:
    """The ``n`` faces of an image, best first; ``len(faces)`` is ``n``.

    Attributes:
        boxes: (n, 4) float32 x1 y1 x2 y2 in pixels of the image; may reach beyond its edges.
        scores: (n,) float32, class probability times objectness, in [0, 1].
        landmarks: (n, K, 2) float32 x y in pixels. YuNet's five are, as the viewer sees them, the
            left and the right eye, the nose, the left and the right corner of the mouth.
        labels: (n,) int64 classes, all 0 if the model knows faces only.
    """

    boxes: Floats
    scores: Floats
    landmarks: Floats
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)
