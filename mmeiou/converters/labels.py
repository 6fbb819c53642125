"""What every format is read into."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

# As in WIDER FACE's landmarks, the released weights and OpenCV: of the person, not of the picture.
FACE_LANDMARKS = (
    "right_eye",
    "left_eye",
    "nose",
    "right_mouth_corner",
    "left_mouth_corner",
)
UNLABELLED, OCCLUDED, VISIBLE = 0, 1, 2


class Point(NamedTuple):
    """A landmark: pixels from the left upper corner, and COCO's 1 (occluded) or 2 (visible)."""

    x: float
    y: float
    visibility: int = VISIBLE


@dataclass(frozen=True)
class LabelledBox:
    """A box of an image.

    Attributes:
        where: File and line it comes from.
        name: Of its class.
        corners: x1 y1 x2 y2 in pixels.
        points: Its labelled landmarks by name.
        ignore: Neither an object to find nor background.
    """

    where: str
    name: str
    corners: tuple[float, float, float, float]
    points: dict[str, Point] = field(default_factory=dict)
    ignore: bool = False


@dataclass(frozen=True)
class LabelledImage:
    """An image, upright as the loader gives it; ``file`` is relative to the image folder."""

    file: str
    width: int
    height: int
    boxes: list[LabelledBox] = field(default_factory=list)


@dataclass(frozen=True)
class LabelSet:
    """Images with boxes.

    Attributes:
        classes: Names of the classes, in the order of their numbers.
        landmarks: Names of the landmarks, in their order; the same for every class.
        flip_pairs: Indices of landmarks that change places in a mirror image; None if unknown.
        images: In a fixed order.
    """

    classes: tuple[str, ...]
    landmarks: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...] | None
    images: list[LabelledImage]


def flip_pairs_by_name(names: Sequence[str]) -> tuple[tuple[int, int], ...] | None:
    """Pairs of landmarks whose names differ in left and right alone; None if no name has one.

    >>> flip_pairs_by_name(["nose", "left_eye", "right_eye"])
    ((1, 2),)
    """
    pairs = [
        (min(index, other), max(index, other))
        for index, name in enumerate(names)
        if (mirrored := name.replace("left", "right").replace("Left", "Right")) != name
        and mirrored in names
        and (other := names.index(mirrored)) != index
    ]
    return tuple(sorted(pairs)) or None
