"""LabelMe's json: a file an image, boxes as rectangles (or polygons), landmarks as points.

A point belongs to the box of its ``group_id`` or, without one, to the only box that holds it. Its
label is the name of the landmark, that of a box the class. The flags ``ignore`` of a box and
``occluded`` of a point are obeyed. Of a polygon, the box around it is taken.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from mmeiou.labels.errors import LabelError, at, shown
from mmeiou.labels.image_files import IMAGE_SUFFIXES, is_file
from mmeiou.labels.landmarks import OCCLUDED, VISIBLE
from mmeiou.labels.named_boxes import NamedBox, NamedImage, Point, number_boxes
from mmeiou.labels.records import LabelSet
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_json
from mmeiou.labels.values import entries, flag, mapping, name, numbers, stated_size

LEAST_POINTS = {"rectangle": 2, "polygon": 3, "point": 1}


class _Shape(NamedTuple):
    where: str
    label: str
    kind: str
    points: list[list[float]]
    group: object
    flags: dict[str, Any]

    @classmethod
    def of(cls, value: Any, where: str) -> "_Shape":
        data = mapping(value, "a shape")
        kind = data.get("shape_type") or "polygon"
        least = LEAST_POINTS.get(kind) if isinstance(kind, str) else None
        if least is None:
            raise LabelError(f"shape_type: {shown(kind)}, expected rectangle, polygon or point")
        points = [
            numbers(point, f"points[{index}]", 2, "x and y")
            for index, point in enumerate(entries(data.get("points"), "points"))
        ]
        if len(points) < least:
            raise LabelError(f"a {kind} of {len(points)} points")
        label = name(data.get("label"), "label")
        flags = mapping(data.get("flags") or {}, "flags")
        return cls(where, label, kind, points, data.get("group_id"), flags)

    def box(self) -> NamedBox:
        xs, ys = zip(*self.points, strict=True)
        corners = (min(xs), min(ys), max(xs), max(ys))
        ignore = flag(self.flags.get("ignore"), "flags: ignore")
        return NamedBox(self.where, self.label, corners, {}, ignore)

    def point(self) -> Point:
        occluded = flag(self.flags.get("occluded"), "flags: occluded")
        x, y = self.points[0]
        return Point(x, y, OCCLUDED if occluded else VISIBLE)


def read(source: Source) -> LabelSet:
    """Read a folder of LabelMe files.

    Raises:
        LabelError: Listing what cannot be read, by file and line or shape.
    """
    images = []
    for file in tqdm(source.label_files(".json"), desc="labelme", unit="file"):
        with source.problems.noting(at(file)):
            data = read_json(file)
            if not isinstance(data, dict) or not isinstance(data.get("shapes"), list):
                raise LabelError("not of LabelMe: no list 'shapes' in it", at(file))
            written = _image_file(data, file, source)
            if not source.wants(written):
                continue
            stated = stated_size(data.get("imageWidth"), data.get("imageHeight"))
            image = NamedImage(written, source.size(written, at(file), stated), at(file))
            image.boxes.extend(_boxes(data["shapes"], file, source))
            images.append(image)
    return number_boxes(source, images)


def _image_file(data: dict[str, Any], file: Path, source: Source) -> str:
    """The image; ``imagePath`` starts from the label's folder, and stays behind on renaming."""
    written = data.get("imagePath") or file.stem
    path = file.absolute().parent / str(written).replace("\\", "/")
    beside = (file.absolute().with_suffix(suffix) for suffix in IMAGE_SUFFIXES)
    if source.images is None:
        folder = file.parent.relative_to(source.labels if source.labels.is_dir() else file.parent)
        return source.image_file(written, "imagePath", folder.as_posix())
    found = next((path for path in (path, *beside) if is_file(path)), path)
    return source.image_file(str(found), "imagePath")


def _boxes(shapes: Sequence[Any], file: Path, source: Source) -> list[NamedBox]:
    boxes: list[tuple[_Shape, NamedBox]] = []
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


def _give(point: _Shape, box: NamedBox) -> None:
    if point.label in box.points:
        raise LabelError(f"a second {point.label} in the box of {box.where}")
    box.points[point.label] = point.point()


def _owner(point: _Shape, boxes: Sequence[tuple[_Shape, NamedBox]]) -> NamedBox:
    if point.group is not None:
        owners = [box for shape, box in boxes if shape.group == point.group]
        lies = f"has group_id {shown(point.group)}, as"
    else:
        owners = [box for _, box in boxes if _holds(box, *point.points[0])]
        lies = "lies in"
    if len(owners) != 1:
        raise LabelError(
            f"point {point.label} {lies} {len(owners)} boxes; give it and its box a group_id"
        )
    return owners[0]


def _holds(box: NamedBox, x: float, y: float) -> bool:
    x1, y1, x2, y2 = box.corners
    return x1 <= x <= x2 and y1 <= y <= y2
