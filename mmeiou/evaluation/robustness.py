"""A face detector on pictures that were spoilt by plain numbers.

Which pixels a detector sees follows from the name of the picture, the corruption and its strength
alone, so that detectors are compared on the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mmeiou.corruptions import CORRUPTIONS, corrupt, rng_of, rotate
from mmeiou.evaluation.landmark_error import LandmarkImage, landmark_errors
from mmeiou.evaluation.wider_report import evaluate, face_image
from mmeiou.functional.rotation import map_boxes, map_points, rotation
from mmeiou.functional.wider_ap import WIDERProtocol
from mmeiou.labels.records import Detections, ImageLabels

Image = NDArray[np.uint8]

CLEAN, ROTATION = "none", "rotation"
ANGLES = (15, 30, 45, 90)
UNITS = {kind: corruption.unit for kind, corruption in CORRUPTIONS.items()} | {
    CLEAN: "",
    ROTATION: "degrees, to the left or to the right",
}
FOUND_SCORE = 0.3  # of a face whose landmarks are measured


class Found(Protocol):
    """What a detector returns: boxes (n, 4), scores (n,), landmarks (n, K, 2)."""

    @property
    def boxes(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def scores(self) -> NDArray[Any]: ...  # noqa: D102
    @property
    def landmarks(self) -> NDArray[Any]: ...  # noqa: D102


Detect = Callable[[Image], Found]


class Condition(NamedTuple):
    """A corruption and its strength; :data:`CLEAN` has 0."""

    corruption: str
    strength: float


class Picture(NamedTuple):
    """A picture with its labels, in its pixels."""

    pixels: Image
    labels: ImageLabels


@dataclass(frozen=True)
class Quality:
    """Of a detector on a set of pictures, in one condition.

    Attributes:
        ap: By WIDER FACE's protocol, of each subset.
        found: Share of the faces with landmarks that were found, by a score of 0.3 and an IoU of
            0.5; NaN where there are none.
        nme: Mean landmark error of these, by the distance of the first two landmarks.
    """

    ap: dict[str, float]
    found: float
    nme: float


def all_conditions() -> list[Condition]:
    """The clean pictures, then every corruption from mild to severe."""
    return [
        Condition(CLEAN, 0),
        *(
            Condition(kind, strength)
            for kind, corruption in CORRUPTIONS.items()
            for strength in corruption.strengths
        ),
        *(Condition(ROTATION, angle) for angle in ANGLES),
    ]


def resized(picture: Picture, side: int) -> Picture:
    """The picture with a longer side of at most ``side`` pixels; 0 leaves it as it is."""
    height, width = picture.pixels.shape[:2]
    if not side or side >= max(height, width):
        return picture
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    pixels = cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA)
    x, y = size[0] / width, size[1] / height
    return _mapped(picture.labels, np.array([[x, 0, 0], [0, y, 0.0]]), pixels)


def spoilt(picture: Picture, condition: Condition) -> Picture:
    """The picture in a condition, its labels with it.

    A turned picture is as large as it needs, grey where it shows nothing; the box of a turned face
    is that of the ellipse in its box.

    Raises:
        ValueError: If there is no such corruption, or the strength is outside its limits.
    """
    kind, strength = condition
    rng = rng_of(picture.labels.file, kind, float(strength))
    if kind == CLEAN:
        return picture
    if kind != ROTATION:
        return Picture(corrupt(picture.pixels, kind, strength, rng), picture.labels)
    height, width = picture.pixels.shape[:2]
    angle = strength * rng.choice([-1, 1])
    matrix, size = rotation(angle, (width, height), expand=True)
    return _mapped(picture.labels, matrix, rotate(picture.pixels, matrix, size))


def measure(
    detectors: Sequence[Detect],
    pictures: Sequence[Picture],
    condition: Condition,
    subsets: Sequence[str] = ("all",),
) -> list[Quality]:
    """What each detector is worth in a condition.

    Args:
        detectors: They keep scores down to 0.02 or so, or AP is not complete.
        pictures: At least one.
        condition: The same spoilt pixels go to all detectors.
        subsets: Names of the subsets of the labels.
    """
    faces: list[list[Any]] = [[] for _ in detectors]
    points: list[list[LandmarkImage]] = [[] for _ in detectors]
    for picture in _spoilt(pictures, condition):
        labels = picture.labels
        for index, detect in enumerate(detectors):
            found = detect(picture.pixels)
            boxes, scores = found.boxes.astype(np.float64), found.scores.astype(np.float64)
            faces[index].append(face_image(Detections(boxes, scores), labels))
            if labels.keypoints.shape[1]:
                keypoints = found.landmarks.astype(np.float64)
                truth = (labels.bboxes, labels.keypoints, labels.ignore)
                points[index].append(LandmarkImage(boxes, scores, keypoints, *truth))
    return [
        _quality(images, landmarks, subsets)
        for images, landmarks in zip(faces, points, strict=True)
    ]


def _spoilt(pictures: Sequence[Picture], condition: Condition) -> Iterator[Picture]:
    for picture in pictures:
        yield spoilt(picture, condition)


def _quality(
    images: Sequence[Any], landmarks: Sequence[LandmarkImage], subsets: Sequence[str]
) -> Quality:
    ap = evaluate(images, subsets, WIDERProtocol()).ap
    if not landmarks:
        return Quality(ap, float("nan"), float("nan"))
    errors = landmark_errors(landmarks, FOUND_SCORE)
    return Quality(ap, errors.found, errors.by_points(0, 1).nme)


def _mapped(labels: ImageLabels, matrix: NDArray[np.float64], pixels: NDArray[Any]) -> Picture:
    keypoints = labels.keypoints.copy()
    labelled = keypoints[..., 2] > 0
    keypoints[labelled, :2] = map_points(keypoints[labelled, :2], matrix)
    height, width = pixels.shape[:2]
    moved = replace(
        labels,
        size=(width, height),
        bboxes=map_boxes(labels.bboxes, matrix),
        keypoints=keypoints,
    )
    return Picture(np.asarray(pixels, dtype=np.uint8), moved)
