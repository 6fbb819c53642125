"""What every label format is read into, and the errors that name file and line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

BadBox = Literal["error", "drop"]
KeypointWeight = Literal["labelled", "flag"]


@dataclass(frozen=True)
class FaceLabel:
    """The labelled faces of one image.

    Attributes:
        image: Path of the image as written in the label file, relative to the image folder.
        size: Width and height of the image in pixels, or None where the format does not say.
        boxes: ``(n, 4)`` float32, x1 y1 x2 y2 in pixels.
        keypoints: ``(n, K, 3)`` float32, x y weight in pixels; weight 0 (and x = y = 0) where a
            point is not labelled. K is 0 for labels without landmarks.
        ignore: ``(n,)`` bool, faces that the annotators flagged as invalid.
    """

    image: str
    size: tuple[int, int] | None
    boxes: NDArray[np.float32]
    keypoints: NDArray[np.float32]
    ignore: NDArray[np.bool_]


class LabelError(ValueError):
    """A label file that cannot be read; the message starts with ``file:line``."""

    def __init__(self, file: Path, line: int | None, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}" if line else f"{file}: {problem}")
        self.file, self.line, self.problem = file, line, problem

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled by their message only, but this one is built from three parts.
        return type(self), (self.file, self.line, self.problem)
