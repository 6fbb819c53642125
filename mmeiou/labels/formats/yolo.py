"""YOLO's text labels: a file an image, a line a box, everything in parts of the image's size.

``class cx cy w h`` and, for poses, ``x y`` or ``x y visibility`` of each landmark. An image without
a file, or with an empty one, has no boxes. Names come from Ultralytics' ``data.yaml`` (``names``,
``kpt_shape``, ``flip_idx``, ``kpt_names``), from ``classes.txt`` beside the labels, or from the
command line.

A landmark is unlabelled where its visibility is 0 or less or, without visibilities, where a
coordinate is negative or both are 0 (our reading: both are in use).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from tqdm import tqdm

from mmeiou.labels.errors import LabelError, Problems, at, placing, shown
from mmeiou.labels.image_files import is_file
from mmeiou.labels.landmarks import (
    UNLABELLED,
    VISIBLE,
    FlipPairs,
    landmark_names,
    pairs_of_order,
)
from mmeiou.labels.named_boxes import NamedBox, NamedImage, Point, number_boxes
from mmeiou.labels.records import LabelSet, Size
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_lines, read_text
from mmeiou.labels.values import names as checked_names
from mmeiou.labels.values import visibility, written_number

BOX_COLUMNS = 5
MOST_LANDMARKS = 1000
DEEPEST = 20
CLASS_LIST = "classes.txt"
TOLERANCE = 1.0  # how far, in images, a number may lie outside of the image: more is a wrong unit


@dataclass(frozen=True)
class YoloNames:
    """What the numbers of YOLO's labels mean.

    Attributes:
        classes: Names by number.
        landmarks: Names by place.
        dims: Numbers per landmark, 2 or 3; 0 takes what fits the lines.
        flip_pairs: See :class:`mmeiou.labels.records.LabelSet`.
    """

    classes: tuple[str, ...]
    landmarks: tuple[str, ...] = ()
    dims: int = 0
    flip_pairs: FlipPairs | None = None


def names_from_yaml(file: Path) -> YoloNames:
    """Read the names in a ``data.yaml``.

    Raises:
        LabelError: Naming file and key.
    """
    text = read_text(file)
    try:
        endless = _endless(text)
        # Every scalar as the text it is: no name shall be read as a number, a flag or a date.
        data = None if endless else yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise LabelError(f"not YAML ({error})", at(file, mark and mark.line + 1)) from error
    except Exception as error:  # a value that is not of its tag's kind raises whatever it may
        raise LabelError(f"not YAML of sensible values ({error})", str(file)) from error
    if endless:
        raise LabelError(endless, str(file))
    if not isinstance(data, dict):
        raise LabelError("expected keys with values, names among them", str(file))
    with placing(str(file)):
        return _names(data)


def _endless(text: str) -> str:
    """What in a YAML could take hours and gigabytes to read, and no data.yaml needs."""
    depth = 0
    for event in yaml.parse(text):
        if isinstance(event, yaml.AliasEvent):
            return "an alias (*name) in it; write the value itself"
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            return f"more than {DEEPEST} lists or mappings inside of one another"
    return ""


def names_from_list(file: Path) -> tuple[str, ...]:
    """Read the names of the classes in a ``classes.txt``, one a line.

    Raises:
        LabelError: Naming file and line.
    """
    listed = [text for _, text in read_lines(file)]
    with placing(str(file)):
        return checked_names(listed, "names")


def _names(data: dict[str, Any]) -> YoloNames:
    classes = _listed(data.get("names"), "names")
    if not classes:
        raise LabelError("names: expected those of the classes, a list or {0: name}")
    shape = _integers(data.get("kpt_shape", ["0", "2"]), "kpt_shape")
    if len(shape) != 2 or not 0 <= shape[0] < MOST_LANDMARKS or shape[1] not in (2, 3):  # noqa: PLR2004
        raise LabelError(f"kpt_shape: {shown(shape)}, expected [landmarks, 2 or 3]")
    count, dims = shape
    points = data.get("kpt_names")
    of_classes = list(points.values()) if isinstance(points, dict) else [points]
    if any(names != of_classes[0] for names in of_classes):
        raise LabelError("kpt_names: one detector has one set of landmarks for all classes")
    landmarks = _listed(next(iter(of_classes), None), "kpt_names")
    if landmarks and len(landmarks) != count:
        raise LabelError(f"kpt_names: {len(landmarks)} of them, but kpt_shape: {shape}")
    pairs = None
    if order := _integers(data.get("flip_idx") or [], "flip_idx"):
        if len(order) != count:
            raise LabelError(f"flip_idx: {len(order)} numbers, but kpt_shape: {shape}")
        try:
            pairs = pairs_of_order(order)
        except ValueError as error:
            raise LabelError(f"flip_idx: {error}") from None
    return YoloNames(classes, landmarks or landmark_names(count), dims, pairs)


def _integers(values: Any, key: str) -> list[int]:
    """A list of whole numbers, which are texts here."""
    if not isinstance(values, list):
        raise LabelError(f"{key}: {shown(values)}, expected a list of numbers")
    for value in values:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,6}", value):
            raise LabelError(f"{key}: {shown(value)}, expected a whole number")
    return [int(value) for value in values]


def _listed(values: Any, key: str) -> tuple[str, ...]:
    """Names as a list, or by their numbers from 0."""
    if not values:
        return ()
    if isinstance(values, dict):
        numbers = [str(number) for number in range(len(values))]
        if set(values) != set(numbers):
            raise LabelError(f"{key}: numbers {shown(list(values))}, expected 0, 1, 2 and so on")
        values = [values[number] for number in numbers]
    return checked_names(values, key)


def read(source: Source, names: YoloNames | None = None) -> LabelSet:
    """Read a folder of YOLO labels, parallel to the folder of the images.

    Args:
        source: Labels and images.
        names: Of what is numbered; None takes ``source.classes`` or else ``classes.txt``, and
            ``source.landmarks``.

    Raises:
        LabelError: Listing what cannot be read, by file and line.
    """
    names = names or YoloNames(_class_names(source), source.landmarks)
    problems = source.problems
    pictures = source.pictures()
    images = []
    owners: dict[Path, str] = {}
    for picture in tqdm(pictures, desc="yolo", unit="image"):
        file = source.labels / PurePosixPath(picture).with_suffix(".txt")
        labelled = is_file(file)
        if labelled and (other := owners.setdefault(file, picture)) != picture:
            problems.add(at(file), f"belongs to {other} and to {picture} alike; rename one")
        where = at(file) if labelled else str(source.require_images() / picture)
        with problems.noting(where):
            if source.image_file(picture, "image") != picture:
                raise LabelError(f"{shown(picture)} begins or ends with a blank; rename it")
            size = source.size(picture, where)
            assert size is not None  # the folder of the images is there
            image = NamedImage(picture, size, where)
            if labelled:
                image.boxes.extend(_boxes(file, size, names, problems))
            images.append(image)
    if not owners and pictures:
        first = source.labels / PurePosixPath(pictures[0]).with_suffix(".txt")
        problem = (
            f"none of the {len(pictures)} images in {source.images} has a label there, the first "
            f"would be {first}"
        )
        raise LabelError(problem, str(source.labels))
    if source.listed is None:
        for file in source.label_files(".txt"):
            written = file.relative_to(source.labels).as_posix()
            if file not in owners and file.name != CLASS_LIST and source.wants(written):
                problems.add(at(file), f"no image of that name in {source.images}")
    return number_boxes(source, images, names.classes, names.landmarks, names.flip_pairs)


def _class_names(source: Source) -> tuple[str, ...]:
    listed = source.labels / CLASS_LIST
    if source.classes:
        return checked_names(source.classes, "classes")
    if not listed.is_file():
        raise LabelError(
            "YOLO's labels number the classes: name them by --data data.yaml or --classes face",
            str(source.labels),
        )
    return names_from_list(listed)


def _boxes(file: Path, size: Size, names: YoloNames, problems: Problems) -> list[NamedBox]:
    boxes = []
    for number, line in read_lines(file):
        where = at(file, number)
        with problems.noting(where):
            boxes.append(_box(where, line.split(), size, names))
    return boxes


def _box(where: str, words: Sequence[str], size: Size, names: YoloNames) -> NamedBox:
    if len(words) < BOX_COLUMNS:
        raise LabelError(f"{len(words)} numbers, expected 'class cx cy w h'")
    values = [written_number(word, f"column {i}") for i, word in enumerate(words, start=1)]
    class_number, cx, cy, w, h, *rest = values
    dims = _dims(len(rest), names)
    if class_number not in range(len(names.classes)):
        raise LabelError(
            f"class {words[0]}, but there are {len(names.classes)}: {', '.join(names.classes)}"
        )
    places = [rest[i : i + dims] for i in range(0, len(rest), dims)] if rest else []
    coordinates = [cx, cy, w, h, *(value for place in places for value in place[:2])]
    if any(not -TOLERANCE <= value <= 1 + TOLERANCE for value in coordinates):
        raise LabelError("numbers of pixels? YOLO's are parts of the image's width and height")
    width, height = size
    points = {
        name: Point(x * width, y * height, seen)
        for name, (x, y, *flag) in zip(names.landmarks, places, strict=False)
        if (seen := visibility(max(*flag, 0), f"visibility of {name}") if flag else _seen(x, y))
    }
    corners = (
        (cx - w / 2) * width,
        (cy - h / 2) * height,
        (cx + w / 2) * width,
        (cy + h / 2) * height,
    )
    return NamedBox(where, names.classes[int(class_number)], corners, points)


def _seen(x: float, y: float) -> int:
    return VISIBLE if min(x, y) >= 0 and max(x, y) > 0 else UNLABELLED


def _dims(rest: int, names: YoloNames) -> int:
    """Numbers per landmark of a line that has so many behind the box."""
    count = len(names.landmarks)
    dims = names.dims or (rest // count if count else 0)
    if not rest or (dims in (2, 3) and rest == dims * count):
        return dims
    expected = f"{BOX_COLUMNS}"
    if count:
        possible = (names.dims,) if names.dims else (2, 3)
        wide = " or ".join(str(BOX_COLUMNS + each * count) for each in possible)
        expected += f" (box alone) or {wide} ({count} landmarks)"
    raise LabelError(
        f"{BOX_COLUMNS + rest} numbers, expected {expected}; landmarks are named by kpt_shape in "
        "--data, or by --landmarks; polygons are not read"
    )
