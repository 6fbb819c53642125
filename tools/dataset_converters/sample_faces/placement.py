"""Where a head goes in a picture, and where that puts its face's box and landmarks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# Places in the 25 x 25 crop, pixel edges at whole numbers, read off the mean of the 100 faces.
# The box: ear to ear, forehead to chin. The landmarks, in WIDER's order: left and right eye, nose
# tip, left and right mouth corner, left and right as seen in the picture.
FACE_BOX = np.array([2.2, 1.6, 19.8, 23.4], np.float32)
LANDMARKS = np.array([[6.6, 8.8], [15.1, 8.6], [10.9, 13.9], [7.0, 18.2], [14.6, 18.0]], np.float32)
_FACE_CENTRE = np.array([11.0, 12.5], np.float32)
_MIRRORED = [1, 0, 2, 4, 3]

FACE_HEIGHTS = (20.0, 200.0)  # pixels, forehead to chin
_LARGEST_SHARE = 0.6  # of the picture's short side
_TILT = 9.0  # standard deviation, degrees
_MARGIN = 0.25  # of the larger face, kept free between two
_TRIES = 20


@dataclass(frozen=True)
class Spot:
    """One head's place.

    Attributes:
        matrix: Map from crop to picture coordinates, float32 (2, 3).
        is_face: Whether a face is shown there, or a decoy.
    """

    matrix: Floats
    is_face: bool

    @property
    def bbox(self) -> Floats:
        """Upright box around the face's outline, the ellipse inscribed in ``FACE_BOX``."""
        half = (FACE_BOX[2:] - FACE_BOX[:2]) / 2
        centre = self._apply(_FACE_CENTRE)
        reach = np.sqrt(((self.matrix[:, :2] * half) ** 2).sum(1))
        return np.concatenate([centre - reach, centre + reach]).astype(np.float32)

    @property
    def landmarks(self) -> Floats:
        """Five points, float32 (5, 2), left and right swapped where the head is mirrored."""
        points = self._apply(LANDMARKS)
        return points[_MIRRORED] if np.linalg.det(self.matrix[:, :2]) < 0 else points

    def _apply(self, points: Floats) -> Floats:
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2], np.float32)


def find_spot(
    rng: np.random.Generator, width: int, height: int, taken: list[Spot], *, is_face: bool
) -> Spot | None:
    """Draw a size, a tilt and a free place inside the picture.

    Args:
        rng: Source of every random choice.
        width: Picture width in pixels.
        height: Picture height in pixels.
        taken: Spots to keep clear of.
        is_face: Whether a face or a decoy will go there.

    Returns:
        The spot, its box inside the picture, or None where a number of tries found none.
    """
    low, high = FACE_HEIGHTS[0], min(FACE_HEIGHTS[1], _LARGEST_SHARE * min(width, height))
    for _ in range(_TRIES):
        scale = np.exp(rng.uniform(np.log(low), np.log(high))) / (FACE_BOX[3] - FACE_BOX[1])
        angle = np.deg2rad(np.clip(rng.normal(0, _TILT), -25, 25))
        cos, sin = np.cos(angle), np.sin(angle)
        mirrored_width = scale * rng.uniform(0.9, 1.1) * rng.choice([-1, 1])
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([mirrored_width, scale])
        offset = rng.uniform([0, 0], [width, height]) - linear @ _FACE_CENTRE
        spot = Spot(np.column_stack([linear, offset]).astype(np.float32), is_face)
        inside = (spot.bbox[:2] >= 0).all() and (spot.bbox[2:] <= (width, height)).all()
        if inside and not any(_too_near(spot.bbox, other.bbox) for other in taken):
            return spot
    return None


def _too_near(box: Floats, other: Floats) -> bool:
    margin = _MARGIN * np.maximum(box[2:] - box[:2], other[2:] - other[:2])
    return bool(((box[:2] - margin < other[2:]) & (other[:2] - margin < box[2:])).all())
