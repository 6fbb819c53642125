"""What became of the detections of one class, whatever protocol matched them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """Detections of one class at one IoU threshold, highest score first; ignored ones left out.

    Attributes:
        scores: (n,) scores, falling.
        ious: (n,) IoU of a true detection with the object it found; of a false one, any number.
        true: (n,) whether it found an object.
        num_truths: Number of objects to be found.
    """

    scores: Floats
    ious: Floats
    true: NDArray[np.bool_]
    num_truths: int
