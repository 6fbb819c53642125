"""Reading and checking COCO's json, of keypoints or of boxes alone; see :mod:`.coco_json`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmeiou.converters.assemble import assemble
from mmeiou.converters.defects import defect
from mmeiou.converters.labels import (
    VISIBLE,
    LabelledBox,
    LabelledImage,
    LabelSet,
    Point,
    flip_pairs_by_name,
)
from mmeiou.converters.problems import ConversionError, Problems, at
from mmeiou.converters.source import Source

BOX = "x, y, width and height"


@dataclass(frozen=True)
class CocoDocument:
    """A json whose parts fit together.

    Attributes:
        file: Where it is from.
        categories: Names by their ids, in the order of the file.
        landmarks: Names of the landmarks.
        flip_pairs: From the file or else from the names; None if unknown.
        images: The file's own entries by their ids.
        boxes: A box for each annotation, with the id of its image.
    """

    file: Path
    categories: Mapping[Any, str]
    landmarks: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...] | None
    images: Mapping[Any, Mapping[str, Any]]
    boxes: Sequence[tuple[Any, LabelledBox]]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the categories."""
        return tuple(self.categories.values())

    def check_boxes(self, problems: Problems) -> None:
        """Check the boxes against the sizes of the images as the file has them."""
        for index, image in enumerate(self.images.values()):
            size = [image.get(side) for side in ("width", "height")]
            if not all(isinstance(length, int) and length > 0 for length in size):
                where = at(self.file, f"images[{index}]")
                problems.add(where, f"width and height {size}, expected numbers of pixels")
        problems.check()
        for key, box in self.boxes:
            image = self.images[key]
            if found := defect(box, image["width"], image["height"]):
                problems.add_box(box.where, *found)


def read_document(file: Path, problems: Problems) -> CocoDocument:
    """Read a json and check its structure: keys, types, ids that refer to something.

    Raises:
        ConversionError: It is no COCO json at all; what is wrong in its entries goes to
            ``problems``.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConversionError(
            f"{at(file, getattr(error, 'lineno', None))}: not JSON ({error})"
        ) from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise ConversionError(f"{file}: no list {key!r} in it; expected COCO's json")
    images = dict(_by_id(data["images"], ("file_name", str), at(file, "images"), problems))
    categories = dict(_by_id(data["categories"], ("name", str), at(file, "categories"), problems))
    landmarks, pairs = _landmarks(categories, file, problems)
    names = {key: category["name"] for key, category in categories.items()}
    if len(set(names.values())) < len(names):
        problems.add(at(file, "categories"), "two of the same name")
    boxes = []
    for index, annotation in enumerate(data["annotations"]):
        where = at(file, f"annotations[{index}]")
        with problems.noting(where):
            image_id = _known(annotation, "image_id", images)
            boxes.append((image_id, _box(annotation, names, landmarks, where)))
    return CocoDocument(file, names, landmarks, pairs, images, boxes)


def read_coco(source: Source) -> LabelSet:
    """Read a json, and bring it into the one form of :mod:`.coco_json`.

    Raises:
        ConversionError: Listing what cannot be read, by file and entry.
    """
    document = read_document(source.labels, source.problems)
    images: dict[Any, LabelledImage | None] = {}
    for index, (key, entry) in enumerate(tqdm(document.images.items(), desc="coco", unit="image")):
        where = at(document.file, f"images[{index}]")
        if source.wants(entry["file_name"]):
            stated = (entry.get("width"), entry.get("height"))
            images[key] = source.image(entry["file_name"], where, stated if all(stated) else None)
    for key, box in document.boxes:
        image = images.get(key)
        if image is not None:
            image.boxes.append(box)
    found = [image for image in images.values() if image is not None]
    return assemble(source, found, document.classes, document.landmarks, document.flip_pairs)


def _by_id(
    entries: Sequence[Any], needed: tuple[str, type], where: str, problems: Problems
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    key, kind = needed
    seen = set()
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or "id" not in entry or not isinstance(entry.get(key), kind):
            problems.add(f"{where}[{index}]", f"expected id and {key}, got {entry!r}")
        elif entry["id"] in seen:
            problems.add(f"{where}[{index}]", f"a second one with the id {entry['id']}")
        else:
            seen.add(entry["id"])
            yield entry["id"], entry


def _landmarks(
    categories: Mapping[Any, Mapping[str, Any]], file: Path, problems: Problems
) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...] | None]:
    """Names and flip pairs, which all categories that have landmarks share."""
    with_any = [category for category in categories.values() if category.get("keypoints")]
    if not with_any:
        return (), None
    names = tuple(map(str, with_any[0]["keypoints"]))
    where = at(file, "categories")
    for category in with_any:
        if tuple(map(str, category["keypoints"])) != names:
            problems.add(
                where,
                f"{category['name']} and {with_any[0]['name']} have other keypoints; one detector "
                "has one set of landmarks for all classes",
            )
    pairs = with_any[0].get("flip_pairs")
    if pairs is None:
        return names, flip_pairs_by_name(names)
    indices = [index for pair in pairs for index in pair]
    if len(set(indices)) < len(indices) or not set(indices) <= set(range(len(names))):
        problems.add(where, f"flip_pairs {pairs} do not fit {len(names)} keypoints")
    return names, tuple((left, right) for left, right in pairs)


def _known(annotation: Any, key: str, known: Mapping[Any, Any]) -> Any:
    if not isinstance(annotation, dict) or annotation.get(key) not in known:
        raise ValueError(f"{key} of none of the {key.removesuffix('_id')} entries")
    return annotation[key]


def _box(
    annotation: Mapping[str, Any], names: Mapping[Any, str], landmarks: tuple[str, ...], where: str
) -> LabelledBox:
    category = _known(annotation, "category_id", names)
    x, y, w, h = _numbers(annotation, "bbox", 4, BOX)
    ignore = bool(annotation.get("iscrowd") or annotation.get("ignore"))
    points = {}
    if annotation.get("keypoints") and landmarks:
        flat = _numbers(annotation, "keypoints", 3 * len(landmarks), "x, y, v of each landmark")
        for name, px, py, v in zip(landmarks, flat[::3], flat[1::3], flat[2::3], strict=True):
            if v not in (0, 1, VISIBLE):
                raise ValueError(f"keypoints: v = {v:g} of {name}, expected 0, 1 or 2")
            if v:
                points[name] = Point(px, py, int(v))
    return LabelledBox(where, names[category], (x, y, x + w, y + h), points, ignore)


def _numbers(annotation: Mapping[str, Any], key: str, count: int, meaning: str) -> list[float]:
    values = annotation.get(key)
    if (
        not isinstance(values, list)
        or len(values) != count
        or not all(isinstance(value, Real) for value in values)
    ):
        raise ValueError(f"{key}: expected {count} numbers, {meaning}, got {values!r}")
    return values
