"""What a face detector finds in an image."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmeiou.apis.alignment import TEMPLATE_SIZE, align, roll
from mmeiou.apis.images import Image

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

    @property
    def roll(self) -> NDArray[np.float64]:
        """(n,) degrees by which each face is turned; see :func:`mmeiou.apis.alignment.roll`.

        Raises:
            ValueError: If the faces have neither YuNet's five landmarks nor the two eyes alone.
        """
        return roll(self.landmarks)

    def align(self, image: Image, size: int = TEMPLATE_SIZE) -> NDArray[np.uint8]:
        """(n, size, size, 3) crops for face recognition; see :func:`mmeiou.apis.alignment.align`.

        Args:
            image: The image in which the faces were found.
            size: Side of the crops, pixels.

        Raises:
            TypeError: If the image is no array, or the size no whole number.
            ValueError: If the faces have other landmarks than five, or one cannot be turned.
        """
        return align(image, self.landmarks, size)

    def clipped(self, height: int, width: int) -> "Faces":
        """The same faces with boxes that end at the edges of their image.

        Args:
            height: Of the image, pixels.
            width: Of the image, pixels.
        """
        limit = np.array([width, height, width, height], dtype=np.float32)
        return replace(self, boxes=self.boxes.clip(0, limit))
