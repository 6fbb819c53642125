"""The json that ``mmeiou.CocoKeypointDataset`` reads: COCO's format for keypoints.

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
"""

import json
from pathlib import Path
from typing import Any

from mmeiou.converters.labels import UNLABELLED, LabelledBox, LabelSet, Point

DIGITS = 3  # a thousandth of a pixel


def write_coco(labels: LabelSet, file: Path) -> None:
    """Write a set to a json file."""
    annotations: list[dict[str, Any]] = []
    images = []
    for image_id, image in enumerate(labels.images, start=1):
        images.append(
            {
                "id": image_id,
                "file_name": image.file,
                "width": image.width,
                "height": image.height,
            }
        )
        for box in image.boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": labels.classes.index(box.name) + 1,
                    **_annotation(box, labels.landmarks),
                }
            )
    document = {"images": images, "categories": _categories(labels), "annotations": annotations}
    file.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def _categories(labels: LabelSet) -> list[dict[str, Any]]:
    landmarks: dict[str, Any] = {"keypoints": labels.landmarks} if labels.landmarks else {}
    if labels.flip_pairs is not None:
        landmarks["flip_pairs"] = labels.flip_pairs
    return [{"id": i, "name": name, **landmarks} for i, name in enumerate(labels.classes, start=1)]


def _annotation(box: LabelledBox, landmarks: tuple[str, ...]) -> dict[str, Any]:
    x1, y1, x2, y2 = box.corners
    bbox = [round(value, DIGITS) for value in (x1, y1, x2 - x1, y2 - y1)]
    annotation: dict[str, Any] = {
        "bbox": bbox,
        "area": round(bbox[2] * bbox[3], DIGITS),
        "iscrowd": int(box.ignore),
    }
    if box.points:
        unlabelled = Point(0, 0, UNLABELLED)
        points = [box.points.get(name, unlabelled) for name in landmarks]
        annotation["keypoints"] = [round(value, DIGITS) for point in points for value in point]
        annotation["num_keypoints"] = len(box.points)
    return annotation
