"""LabelMe's json: a file an image, boxes as rectangles (or polygons), landmarks as points.

A point belongs to the box of its ``group_id`` or, without one, to the only box that holds it. Its
label is the name of the landmark, that of a box the class. The flags ``ignore`` of a box and
``occluded`` of a point are obeyed. Of a polygon, the box around it is taken.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmeiou.converters.assemble import assemble
from mmeiou.converters.labels import OCCLUDED, VISIBLE, LabelledBox, LabelSet, Point
from mmeiou.converters.pictures import SUFFIXES
from mmeiou.converters.problems import at
from mmeiou.converters.source import Source


@dataclass(frozen=True)
class _Shape:
    where: str
    label: str
    kind: str
    points: list[tuple[float, float]]
    group: object
    flags: dict[str, Any]

    @classmethod
    def of(cls, data: Any, where: str) -> "_Shape":
        try:
            kind = data.get("shape_type") or "polygon"
            points = [(float(x), float(y)) for x, y in data["points"]]
            shape = cls(
                where, data["label"], kind, points, data.get("group_id"), data.get("flags") or {}
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a shape with label, points and shape_type ({error!r})"
            ) from error
        least = {"rectangle": 2, "polygon": 3, "point": 1}.get(kind)
        if least is None:
            raise ValueError(f"shape_type {kind!r}; expected rectangle, polygon or point")
        if len(points) < least:
            raise ValueError(f"a {kind} of {len(points)} points")
        return shape

    def box(self) -> LabelledBox:
        xs, ys = zip(*self.points, strict=True)
        corners = (min(xs), min(ys), max(xs), max(ys))
        return LabelledBox(self.where, self.label, corners, ignore=bool(self.flags.get("ignore")))

    def point(self) -> Point:
        return Point(*self.points[0], OCCLUDED if self.flags.get("occluded") else VISIBLE)


def read_labelme(source: Source) -> LabelSet:
    """Read a folder of LabelMe files.

    Raises:
        ConversionError: Listing what cannot be read, by file and line or shape.
    """
    images = []
    for file in tqdm(source.label_files(".json"), desc="labelme", unit="file"):
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            source.problems.add(at(file, getattr(error, "lineno", None)), f"not JSON ({error})")
            continue
        if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
            source.problems.add(at(file), "not of LabelMe: no list 'shapes' in it")
            continue
        name = source.relative(_image_file(data, file), at(file))
        if name is None or not source.wants(name):
            continue
        width, height = data.get("imageWidth"), data.get("imageHeight")
        image = source.image(name, at(file), (width, height) if width and height else None)
        if image is not None:
            image.boxes.extend(_boxes(data["shapes"], file, source))
            images.append(image)
    return assemble(source, images)


def _image_file(data: dict[str, Any], file: Path) -> Path:
    """The image; ``imagePath`` starts from the label's folder, and stays behind on renaming."""
    written = file.parent / str(data.get("imagePath") or file.stem).replace("\\", "/")
    beside = (file.with_suffix(suffix) for suffix in SUFFIXES)
    return next((path for path in (written, *beside) if path.is_file()), written)


def _boxes(shapes: Sequence[Any], file: Path, source: Source) -> list[LabelledBox]:
    boxes: list[tuple[_Shape, LabelledBox]] = []
    points: list[_Shape] = []
    for index, data in enumerate(shapes):
        where = at(file, f"shapes[{index}]")
        with source.problems.noting(where):
            shape = _Shape.of(data, where)
            if shape.kind == "point":
                points.append(shape)
            else:
                boxes.append((shape, shape.box()))
    for point in points:
        with source.problems.noting(point.where):
            _give(point, _owner(point, boxes))
    return [box for _, box in boxes]


def _give(point: _Shape, box: LabelledBox) -> None:
    if point.label in box.points:
        raise ValueError(f"a second {point.label} in the box of {box.where}")
    box.points[point.label] = point.point()


def _owner(point: _Shape, boxes: Sequence[tuple[_Shape, LabelledBox]]) -> LabelledBox:
    if point.group is not None:
        owners = [box for shape, box in boxes if shape.group == point.group]
        lies = f"has group_id {point.group}, as"
    else:
        owners = [box for _, box in boxes if _holds(box, *point.points[0])]
        lies = "lies in"
    if len(owners) != 1:
        raise ValueError(
            f"point {point.label} {lies} {len(owners)} boxes; give it and its box a group_id"
        )
    return owners[0]


def _holds(box: LabelledBox, x: float, y: float) -> bool:
    x1, y1, x2, y2 = box.corners
    return x1 <= x <= x2 and y1 <= y <= y2
