"""Labels made of a detector's faces: sure ones to find, doubtful ones to ignore."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.labels.checks import LEAST_SIDE
from mmeiou.labels.errors import LabelError
from mmeiou.labels.landmarks import OCCLUDED, VISIBLE
from mmeiou.labels.records import ImageLabels, Size

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Rule:
    """Which detections become what.

    Attributes:
        sure: Smallest score of a face to find.
        doubtful: Smallest score of a region to ignore; what scores less is background.
        min_size: Shorter side in pixels below which a face is ignored, whatever its score.

    Raises:
        LabelError: If not ``0 < doubtful <= sure <= 1`` or ``min_size`` is negative.
    """

    sure: float = 0.5
    doubtful: float = 0.2
    min_size: float = 0

    def __post_init__(self) -> None:
        if not 0 < self.doubtful <= self.sure <= 1:
            raise LabelError(
                f"scores {self.doubtful:g} (doubtful) and {self.sure:g} (sure): expected "
                "0 < doubtful <= sure <= 1"
            )
        if not self.min_size >= 0:
            raise LabelError(f"smallest face {self.min_size:g} pixels: expected 0 or more")


def pseudo_labels(
    file: str,
    size: Size,
    boxes: Floats,
    scores: Floats,
    landmarks: Floats,
    classes: NDArray[np.int64],
    rule: Rule,
) -> ImageLabels:
    """Labels of an image from what a detector found in it.

    Boxes end at the image. A landmark outside of it counts as occluded; a region to ignore has
    none.

    Args:
        file: Path of the image.
        size: Width and height in pixels.
        boxes: (n, 4) x1 y1 x2 y2 in pixels.
        scores: (n,).
        landmarks: (n, K, 2) x y in pixels.
        classes: (n,).
        rule: What becomes a face, what is ignored.
    """
    limit = np.array([*size, *size], dtype=np.float64)
    bboxes = boxes.astype(np.float64).clip(0, limit)
    sides = (bboxes[:, 2:] - bboxes[:, :2]).min(axis=1, initial=np.inf)
    kept = (scores >= rule.doubtful) & (sides >= LEAST_SIDE)
    bboxes, points = bboxes[kept], landmarks[kept].astype(np.float64)
    sure = (scores[kept] >= rule.sure) & (sides[kept] >= rule.min_size)
    inside = ((points >= 0) & (points <= size)).all(axis=-1)
    seen = np.where(inside, VISIBLE, OCCLUDED)[..., None]
    keypoints = np.concatenate([points, seen], axis=-1)
    keypoints[~sure] = 0
    return ImageLabels(
        file,
        size,
        bboxes=bboxes,
        labels=classes[kept].astype(np.int64),
        ignore=~sure,
        keypoints=keypoints,
        where=[file] * len(bboxes),
        where_image=file,
    )


def unlabelled(file: str, size: Size, num_keypoints: int) -> ImageLabels:
    """An image of which nothing is known: a single region to ignore, all of it.

    Nothing in it is a face to find or background to learn, but for a teacher
    (:class:`mmeiou.models.DistilledYuNet`).
    """
    return ImageLabels(
        file,
        size,
        bboxes=np.array([[0.0, 0.0, *size]]),
        labels=np.zeros(1, dtype=np.int64),
        ignore=np.ones(1, dtype=np.bool_),
        keypoints=np.zeros((1, num_keypoints, 3)),
        where=[file],
        where_image=file,
    )
