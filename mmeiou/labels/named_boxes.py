"""Boxes as most formats have them, classes and landmarks by name, and how they become records."""

import shlex
from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from mmeiou.labels.checks import usable
from mmeiou.labels.errors import LabelError
from mmeiou.labels.image_files import IMAGE_SUFFIXES, list_files
from mmeiou.labels.landmarks import FACE_LANDMARKS, VISIBLE, FlipPairs, flip_pairs_by_name
from mmeiou.labels.records import ImageLabels, LabelSet, Size
from mmeiou.labels.source import Source

NOWHERE = (0.0, 0.0, 0.0)


class Point(NamedTuple):
    """A landmark: pixels from the left upper corner, and COCO's 1 (occluded) or 2 (visible)."""

    x: float
    y: float
    visibility: int = VISIBLE


class NamedBox(NamedTuple):
    """A box before its class has a number.

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
    points: dict[str, Point]
    ignore: bool = False


@dataclass(frozen=True)
class NamedImage:
    """An image with such boxes; ``file`` is relative to the folder of the images."""

    file: str
    size: Size | None
    where: str
    boxes: list[NamedBox] = field(default_factory=list)
    image_id: int | str | None = None


def number_boxes(
    source: Source,
    images: Sequence[NamedImage],
    classes: Sequence[str] | None = None,
    landmarks: Sequence[str] | None = None,
    flip_pairs: FlipPairs | None = None,
) -> LabelSet:
    """Choose classes and landmarks, check every box, and make records of them.

    Args:
        source: Its ``classes`` and ``landmarks`` choose, and order, those of the labels.
        images: As read.
        classes: All classes of the format in their order; None takes those that occur, sorted.
        landmarks: The same for landmarks; None takes those that occur, in the usual order if they
            are the usual five of a face.
        flip_pairs: Indices into ``landmarks``; None derives them from names with left and right.

    Raises:
        LabelError: Something is wrong with the labels; lists all that is.
    """
    boxes = [box for image in images for box in image.boxes]
    known = tuple(sorted({box.name for box in boxes})) if classes is None else tuple(classes)
    wanted = source.classes or known
    require_known("class", wanted, known, source)
    if landmarks is None:
        landmarks = _ordered({name for box in boxes for name in box.points}, source)
    names = source.landmarks or tuple(landmarks)
    require_known("landmark", names, landmarks, source)
    pairs = flip_pairs_by_name(names)
    if flip_pairs is not None and names == tuple(landmarks):
        pairs = flip_pairs
    numbers = {name: index for index, name in enumerate(wanted)}
    for box in boxes:
        if box.name not in numbers:
            source.problems.count(f"boxes of class {box.name}, which is not chosen", box.where)
            continue
        for point in box.points.keys() - names:
            source.problems.count(f"points of landmark {point}, which is not chosen", box.where)
    records = [_record(image, numbers, names) for image in images]
    return finish(source, LabelSet(source.labels, records, wanted, names, pairs))


def finish(source: Source, labels: LabelSet, *, drops_bad_boxes: bool = False) -> LabelSet:
    """Check the images and boxes of a set, and count what of the images has no label.

    Args:
        source: What is wanted.
        labels: As read.
        drops_bad_boxes: What is done about boxes of no use where ``source.problems`` does not say.

    Raises:
        LabelError: Something is wrong with the labels; lists all that is.
    """
    first: dict[str, str] = {}
    for image in labels.images:
        if image.file in first:
            problem = f"{image.file} a second time, after {first[image.file]}; give it one label"
            source.problems.add(image.where_image, problem)
        first.setdefault(image.file, image.where_image)
    chosen = [
        usable(image, source.problems, source.remedy, drop=drops_bad_boxes)
        for image in labels.images
    ]
    source.problems.check()
    images = [
        image if use.all() else image.select(use)
        for image, use in zip(labels.images, chosen, strict=True)
    ]
    if not images:
        raise LabelError("no image in it that is wanted", str(source.labels))
    _count_left_out(source, first)
    return replace(labels, images=images)


def _record(image: NamedImage, numbers: dict[str, int], landmarks: Sequence[str]) -> ImageLabels:
    boxes = [box for box in image.boxes if box.name in numbers]
    points = [[box.points.get(name, NOWHERE) for name in landmarks] for box in boxes]
    return ImageLabels(
        image.file,
        image.size,
        bboxes=np.array([box.corners for box in boxes], dtype=np.float64).reshape(-1, 4),
        labels=np.array([numbers[box.name] for box in boxes], dtype=np.int64),
        ignore=np.array([box.ignore for box in boxes], dtype=np.bool_),
        keypoints=np.array(points, dtype=np.float64).reshape(len(boxes), len(landmarks), 3),
        where=[box.where for box in boxes],
        where_image=image.where,
        image_id=image.image_id,
    )


def _count_left_out(source: Source, named: Container[str]) -> None:
    """Images that are there and wanted, but that no label names; lines that no image is on."""
    if source.images is not None:
        for file in list_files(source.images, IMAGE_SUFFIXES):
            if source.wants(file) and file not in named:
                source.problems.count("images without a label file or entry, left out", file)
    if source.listed is not None:
        for line in source.listed.unmet():
            source.problems.count("lines of the list without such an image", line)


def require_known(kind: str, wanted: Sequence[str], known: Sequence[str], source: Source) -> None:
    """Note what of the classes or landmarks wanted is not there, or wanted twice."""
    for name in wanted:
        if name not in known:
            problem = f"no {kind} {name!r} in it, but {', '.join(known) or 'none'}"
            source.problems.add(str(source.labels), problem)
    if len(set(wanted)) < len(wanted):
        problem = f"a {kind} wanted twice: {', '.join(wanted)}"
        source.problems.add(str(source.labels), problem)


def _ordered(names: set[str], source: Source) -> tuple[str, ...]:
    if names == set(FACE_LANDMARKS):
        return FACE_LANDMARKS
    if len(names) > 1 and not source.landmarks:
        source.problems.add(
            str(source.labels),
            "it does not say in which order its landmarks come; choose them in order, as in "
            f"--landmarks {shlex.join(sorted(names))}",
        )
    return tuple(sorted(names))
