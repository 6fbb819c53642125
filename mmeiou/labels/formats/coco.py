"""COCO's json, of keypoints or of boxes alone; what ``mmeiou.CocoKeypointDataset`` reads.

``images``
    ``id``, ``file_name`` (relative to the image folder), ``width`` and ``height`` of the upright
    image in pixels.
``categories``
    ``id``, ``name``; ``keypoints``: names of the landmarks in their order, the same in all
    categories that have any; ``flip_pairs`` (an addition of ours, which others read over): pairs
    of indices of landmarks that change places in a mirror image.
``annotations``
    ``id``, ``image_id``, ``category_id``, ``bbox`` (x, y, width, height in pixels from the left
    upper corner of the image), ``area``, ``iscrowd`` (1: a region to ignore), ``keypoints`` (x, y,
    v of each landmark, v = 0 not labelled, 1 occluded, 2 visible; left out for a box without),
    ``num_keypoints`` (how many have v > 0).

Read, ``id`` and ``area`` of annotations may be missing, and ``ignore`` means what ``iscrowd`` does.
"""

import json
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from mmeiou.labels.errors import LabelError, at, shown
from mmeiou.labels.landmarks import UNLABELLED, FlipPairs, flip_order, flip_pairs_by_name
from mmeiou.labels.named_boxes import NamedBox, NamedImage, Point, number_boxes
from mmeiou.labels.records import ImageLabels, LabelSet
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_json
from mmeiou.labels.values import (
    entries,
    flag,
    identifier,
    mapping,
    name,
    names,
    numbers,
    stated_size,
    visibility,
)

DIGITS = 3  # a thousandth of a pixel
LISTS = ("images", "annotations", "categories")

Id = int | str


class Categories(NamedTuple):
    """Names of classes by their ids, in the order of the file, and of the landmarks.

    Attributes:
        classes: By the ids of the categories.
        landmarks: Of all categories that have any.
        flip_pairs: Of these.
        without: Ids of the categories that name none.
    """

    classes: Mapping[Id, str]
    landmarks: tuple[str, ...]
    flip_pairs: FlipPairs | None
    without: Container[Id]


def read(source: Source, *, countable: bool = False) -> LabelSet:
    """Read a json.

    Args:
        source: Where it is, and what of it is wanted.
        countable: Refuse annotations whose ids are missing, equal or 0: pycocotools, which
            MMDetection's metrics evaluate the file with, loses such boxes without a word.

    Raises:
        LabelError: Listing what cannot be read, by file and entry.
    """
    file, problems = source.labels, source.problems
    data = read_json(file)
    for key in LISTS:
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise LabelError(f"no list {key!r} in it; expected COCO's json", str(file))
    categories = _categories(data["categories"], source)
    images: dict[Id, NamedImage | None] = {}
    for index, entry in enumerate(tqdm(data["images"], desc="coco", unit="image")):
        where = at(file, f"images[{index}]")
        with problems.noting(where):
            image_id = _new_id(entry, images)
            images[image_id] = None
            images[image_id] = _image(entry, image_id, where, source)
    seen: set[Id] = set()
    for index, annotation in enumerate(data["annotations"]):
        where = at(file, f"annotations[{index}]")
        with problems.noting(where):
            if countable:
                seen.add(_countable_id(annotation, seen))
            image = images[_known(annotation, "image_id", images)]
            box = _box(annotation, categories, where)
            if image is not None:
                image.boxes.append(box)
    found = [image for image in images.values() if image is not None]
    return number_boxes(
        source,
        found,
        tuple(categories.classes.values()),
        categories.landmarks,
        categories.flip_pairs,
    )


def write(labels: LabelSet, file: Path) -> None:
    """Write a set to a json file, numbering anew from 1."""
    annotations: list[dict[str, Any]] = []
    images = []
    for image_id, image in enumerate(labels.images, start=1):
        assert image.size is not None
        width, height = image.size
        images.append({"id": image_id, "file_name": image.file, "width": width, "height": height})
        for index in range(len(image)):
            ids = {"id": len(annotations) + 1, "image_id": image_id}
            annotations.append({**ids, **_annotation(image, index)})
    landmarks: dict[str, Any] = {"keypoints": labels.landmarks} if labels.landmarks else {}
    if labels.landmarks and labels.flip_pairs is not None:
        landmarks["flip_pairs"] = labels.flip_pairs
    document = {
        "images": images,
        "categories": [
            {"id": i, "name": label, **landmarks} for i, label in enumerate(labels.classes, start=1)
        ],
        "annotations": annotations,
    }
    file.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def _annotation(image: ImageLabels, index: int) -> dict[str, Any]:
    x1, y1, x2, y2 = image.bboxes[index].tolist()
    bbox = [round(value, DIGITS) for value in (x1, y1, x2 - x1, y2 - y1)]
    annotation: dict[str, Any] = {
        "category_id": int(image.labels[index]) + 1,
        "bbox": bbox,
        "area": round(bbox[2] * bbox[3], DIGITS),
        "iscrowd": int(image.ignore[index]),
    }
    points = image.keypoints[index].tolist()
    if labelled := sum(v != UNLABELLED for _, _, v in points):
        annotation["keypoints"] = [
            value for x, y, v in points for value in (round(x, DIGITS), round(y, DIGITS), int(v))
        ]
        annotation["num_keypoints"] = labelled
    return annotation


def _categories(values: Sequence[Any], source: Source) -> Categories:
    classes: dict[Id, str] = {}
    labels: set[str] = set()
    found: dict[Id, tuple[tuple[str, ...], FlipPairs | None]] = {}
    for index, entry in enumerate(values):
        with source.problems.noting(at(source.labels, f"categories[{index}]")):
            key = _new_id(entry, classes)
            label = name(entry.get("name"), "name")
            if label in labels:
                raise LabelError(f"name: a second category {shown(label)}")
            classes[key] = label
            labels.add(label)
            if not entry.get("keypoints"):
                continue
            points = names(entry["keypoints"], "keypoints")
            pairs = None
            if entry.get("flip_pairs") is not None:
                pairs = _flip_pairs(entry["flip_pairs"], len(points))
            if found and (points, pairs) != next(iter(found.values())):
                raise LabelError(
                    f"keypoints or flip_pairs: {label} has others than the categories before it; "
                    "one detector has one set of landmarks for all classes"
                )
            found[key] = points, pairs
    if not found:  # names that were chosen are those of categories that name none
        return Categories(classes, source.landmarks, flip_pairs_by_name(source.landmarks), ())
    landmarks, stated = next(iter(found.values()))
    pairs = flip_pairs_by_name(landmarks) if stated is None else stated
    return Categories(classes, landmarks, pairs, classes.keys() - found.keys())


def _flip_pairs(value: Any, count: int) -> FlipPairs:
    pairs = []
    for pair in entries(value, "flip_pairs"):
        if not isinstance(pair, list) or [type(index) for index in pair] != [int, int]:
            raise LabelError(f"flip_pairs: {shown(pair)}, expected two indices of keypoints")
        pairs.append((pair[0], pair[1]))
    try:
        flip_order(pairs, count)
    except ValueError:
        problem = f"flip_pairs: {shown(value)} do not fit {count} keypoints"
        raise LabelError(problem) from None
    return tuple(pairs)


def _image(entry: Mapping[str, Any], key: Id, where: str, source: Source) -> NamedImage | None:
    file = source.image_file(entry.get("file_name"), "file_name")
    if not source.wants(file):
        return None
    size = source.size(file, where, stated_size(entry.get("width"), entry.get("height")))
    return NamedImage(file, size, where, image_id=key)


def _new_id(entry: Any, known: Mapping[Id, Any]) -> Id:
    key = identifier(mapping(entry, "an entry").get("id"), "id")
    if key in known:
        raise LabelError(f"id: a second one with {shown(key)}")
    return key


def _known(annotation: Any, key: str, known: Mapping[Id, Any]) -> Id:
    value = identifier(mapping(annotation, "an entry").get(key), key)
    if value not in known:
        entry = key.removesuffix("_id")
        raise LabelError(f"{key}: {shown(value)}, the id of none of the {entry} entries")
    return value


def _countable_id(annotation: Any, seen: set[Id]) -> Id:
    key = identifier(mapping(annotation, "an entry").get("id"), "id")
    if not key or key in seen:
        raise LabelError(
            f"id: {shown(key)}{', a second time' if key else ''}; pycocotools would lose that box "
            "in the evaluation: number anew with tools/dataset_converters/convert.py coco"
        )
    return key


def _box(annotation: Mapping[str, Any], categories: Categories, where: str) -> NamedBox:
    category = _known(annotation, "category_id", categories.classes)
    x, y, w, h = numbers(annotation.get("bbox"), "bbox", 4, "x, y, width and height")
    ignore = [flag(annotation.get(key), key) for key in ("iscrowd", "ignore")]
    landmarks = () if category in categories.without else categories.landmarks
    points = dict(_points(annotation.get("keypoints") or [], landmarks))
    return NamedBox(where, categories.classes[category], (x, y, x + w, y + h), points, any(ignore))


def _points(values: Any, landmarks: Sequence[str]) -> list[tuple[str, Point]]:
    count = len(landmarks)
    if not values or not landmarks:
        # Datasets of boxes carry lists of zeros: with them nothing is lost.
        if any(entries(values, "keypoints")):
            raise LabelError(
                f"keypoints: {len(values) // 3} landmarks, but its category does not name them: "
                'add "keypoints": [names in their order] to it, or convert with --landmarks'
            )
        return []
    flat = numbers(values, "keypoints", 3 * count, "x, y, v of each landmark")
    points = []
    for landmark, x, y, v in zip(landmarks, flat[::3], flat[1::3], flat[2::3], strict=True):
        if seen := visibility(v, f"keypoints: v of {landmark}"):
            points.append((landmark, Point(x, y, seen)))
    return points
