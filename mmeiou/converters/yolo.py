"""YOLO's text labels: a file an image, a line a box, everything in parts of the image's size.

``class cx cy w h`` and, for poses, ``x y`` or ``x y visibility`` of each landmark. An image without
a file, or with an empty one, has no boxes. Names come from Ultralytics' ``data.yaml`` (``names``,
``kpt_shape``, ``flip_idx``, ``kpt_names``) or from the command line.

A landmark is unlabelled where its visibility is 0 or less or, without visibilities, where a
coordinate is negative or both are 0 (our reading: both are in use).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from tqdm import tqdm

from mmeiou.converters.assemble import assemble
from mmeiou.converters.labels import (
    FACE_LANDMARKS,
    OCCLUDED,
    VISIBLE,
    LabelledBox,
    LabelledImage,
    LabelSet,
    Point,
)
from mmeiou.converters.problems import ConversionError, at, read_text
from mmeiou.converters.source import Source

BOX_COLUMNS = 5
MOST_LANDMARKS = 1000
CLASS_LIST = "classes.txt"
TOLERANCE = 1.0  # how far, in images, a number may lie outside of the image: more is a wrong unit


@dataclass(frozen=True)
class YoloNames:
    """What the numbers of YOLO's labels mean.

    Attributes:
        classes: Names by number.
        landmarks: Names by place.
        dims: Numbers per landmark, 2 or 3; 0 takes what fits the lines.
        flip_pairs: See :class:`mmeiou.converters.labels.LabelSet`.
    """

    classes: tuple[str, ...]
    landmarks: tuple[str, ...] = ()
    dims: int = 0
    flip_pairs: tuple[tuple[int, int], ...] | None = None


def names_from_yaml(file: Path) -> YoloNames:
    """Read the names in a ``data.yaml``.

    Raises:
        ConversionError: Naming file and key.
    """
    try:
        data = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConversionError(f"{at(file, mark and mark.line + 1)}: not YAML ({error})") from error
    classes = _listed(data.get("names")) if isinstance(data, dict) else ()
    if not classes:
        raise ConversionError(
            f"{file}: names: expected those of the classes, a list or {{0: name}}"
        )
    shape = data.get("kpt_shape", [0, 2])
    if shape not in ([count, dims] for count in range(MOST_LANDMARKS) for dims in (2, 3)):
        raise ConversionError(f"{file}: kpt_shape: {shape}; expected [landmarks, 2 or 3]")
    count, dims = shape
    points = data.get("kpt_names")
    landmarks = _listed(
        next(iter(points.values())) if isinstance(points, dict) and points else points
    )
    if landmarks and len(landmarks) != count:
        raise ConversionError(f"{file}: {len(landmarks)} kpt_names, but kpt_shape: {shape}")
    flipped = data.get("flip_idx")
    if flipped is not None and sorted(map(str, flipped)) != sorted(map(str, range(count))):
        raise ConversionError(
            f"{file}: flip_idx: {flipped}; expected 0 to {count - 1} in some order"
        )
    pairs = flipped and tuple((i, other) for i, other in enumerate(flipped) if i < other)
    return YoloNames(classes, landmarks or landmark_names(count), dims, pairs)


def landmark_names(count: int) -> tuple[str, ...]:
    """Names for landmarks that have none: five are taken to be those of a face."""
    if count == len(FACE_LANDMARKS):
        return FACE_LANDMARKS
    return tuple(f"point_{index}" for index in range(count))


def _listed(names: Any) -> tuple[str, ...]:
    if isinstance(names, dict):
        names = [names[index] for index in range(len(names)) if index in names]
    return tuple(map(str, names)) if isinstance(names, list) else ()


def read_yolo(source: Source, names: YoloNames) -> LabelSet:
    """Read a folder of YOLO labels, parallel to the folder of the images.

    Raises:
        ConversionError: Listing what cannot be read, by file and line.
    """
    problems = source.problems
    pictures = source.pictures()
    images = []
    owners: dict[Path, str] = {}
    for picture in tqdm(pictures, desc="yolo", unit="image"):
        file = source.labels / PurePosixPath(picture).with_suffix(".txt")
        if not file.is_file():
            file = Path()
        elif (other := owners.setdefault(file, picture)) != picture:
            problems.add(at(file), f"belongs to {other} and to {picture} alike; rename one")
        image = source.image(picture, at(file if file.name else source.images / picture))
        if image is not None:
            if file.name:
                with problems.noting(at(file)):
                    image.boxes.extend(_boxes(file, image, names, source))
            images.append(image)
    if not owners:
        first = source.labels / PurePosixPath(pictures[0]).with_suffix(".txt")
        raise ConversionError(
            f"{source.labels}: none of the {len(pictures)} images in {source.images} has a label "
            f"there, the first would be {first}"
        )
    if source.chosen is None:
        for file in source.label_files(".txt"):
            name = file.relative_to(source.labels).as_posix()
            if file not in owners and file.name != CLASS_LIST and source.wants(name):
                problems.add(at(file), f"no image of that name in {source.images}")
    return assemble(source, images, names.classes, names.landmarks, names.flip_pairs)


def _boxes(file: Path, image: LabelledImage, names: YoloNames, source: Source) -> list[LabelledBox]:
    boxes = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        if words := line.split():
            where = at(file, number)
            with source.problems.noting(where):
                boxes.append(_box(where, words, image, names))
    return boxes


def _box(where: str, words: Sequence[str], image: LabelledImage, names: YoloNames) -> LabelledBox:
    try:
        class_number, cx, cy, w, h, *rest = map(float, words)
    except ValueError:
        raise ValueError(
            f"expected 'class cx cy w h' as numbers, got {' '.join(words)!r}"
        ) from None
    count = len(names.landmarks)
    dims = names.dims or (len(rest) // count if count else 0)
    if rest and (dims not in (2, 3) or len(rest) != dims * count):
        expected = f"{BOX_COLUMNS}"
        if count:
            wide = (
                f"{BOX_COLUMNS + names.dims * count}"
                if names.dims
                else (f"{BOX_COLUMNS + 2 * count} or {BOX_COLUMNS + 3 * count}")
            )
            expected += f" (box alone) or {wide} ({count} landmarks)"
        raise ValueError(
            f"{len(words)} numbers, expected {expected}; landmarks are named by kpt_shape in "
            "--data, or by --landmarks; polygons are not read"
        )
    if class_number not in range(len(names.classes)):
        raise ValueError(
            f"class {words[0]}, but there are {len(names.classes)}: {', '.join(names.classes)}"
        )
    places = [rest[i : i + dims] for i in range(0, len(rest), dims)] if rest else []
    coordinates = [cx, cy, w, h, *(value for place in places for value in place[:2])]
    if any(not -TOLERANCE <= value <= 1 + TOLERANCE for value in coordinates):
        raise ValueError("numbers of pixels? YOLO's are parts of the image's width and height")
    scale_x, scale_y = image.width, image.height
    points = {
        name: Point(x * scale_x, y * scale_y, OCCLUDED if flag == [1] else VISIBLE)
        for name, (x, y, *flag) in zip(names.landmarks, places, strict=False)
        if _is_labelled(x, y, flag)
    }
    corners = (
        (cx - w / 2) * scale_x,
        (cy - h / 2) * scale_y,
        (cx + w / 2) * scale_x,
        (cy + h / 2) * scale_y,
    )
    return LabelledBox(where, names.classes[int(class_number)], corners, points)


def _is_labelled(x: float, y: float, flag: Sequence[float]) -> bool:
    return flag[0] > 0 if flag else min(x, y) >= 0 and max(x, y) > 0
