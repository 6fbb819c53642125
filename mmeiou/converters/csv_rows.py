"""CSV: a row a box, columns by the names in the first row.

====================  ==========================================================================
``image``             path of the image (also ``filename``, ``file``, ``path``)
the box               ``x1 y1 x2 y2``, ``xmin ymin xmax ymax`` or ``x y w h``, in pixels; all
                      empty for an image without boxes
``class``             name of the class (also ``label``, ``name``); ``face`` without that column
``<name>_x <name>_y``  a landmark; empty where it is not labelled; ``<name>_v`` is COCO's
                      visibility 0, 1 or 2
``ignore``            1 for a region to ignore
``width height``      of the image; checked
====================  ==========================================================================

Columns are separated by comma, semicolon or tab. Others are read over.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from mmeiou.converters.assemble import assemble
from mmeiou.converters.labels import VISIBLE, LabelledBox, LabelledImage, LabelSet, Point
from mmeiou.converters.problems import ConversionError, at, read_text
from mmeiou.converters.source import Source

IMAGE = ("image", "filename", "file", "path")
CLASS = ("class", "label", "name")
BOXES = (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("x", "y", "w", "h"))
DEFAULT_CLASS = "face"
EXPECTED = (
    "the first row names the columns: image,x1,y1,x2,y2,class,right_eye_x,right_eye_y,... "
    "(or xmin,ymin,xmax,ymax or x,y,w,h)"
)


@dataclass(frozen=True)
class Columns:
    """Which columns hold what.

    Attributes:
        image: Path of the image.
        box: Four columns.
        name: The class, if there is such a column.
        landmarks: Names, in the order of their columns.
    """

    image: str
    box: tuple[str, ...]
    name: str | None
    landmarks: tuple[str, ...]

    @classmethod
    def of(cls, names: Sequence[str], file: Path) -> "Columns":
        """Recognise the columns.

        Raises:
            ConversionError: Image or box are missing.
        """
        image = next((name for name in IMAGE if name in names), None)
        box = next((box for box in BOXES if set(box) <= set(names)), None)
        if image is None or box is None:
            raise ConversionError(f"{at(file, 1)}: {EXPECTED}, got {', '.join(names)}")
        stems = [name.removesuffix("_x") for name in names if name.endswith("_x")]
        landmarks = tuple(stem for stem in stems if f"{stem}_y" in names)
        return cls(image, box, next((name for name in CLASS if name in names), None), landmarks)


def read_csv(source: Source) -> LabelSet:
    """Read a CSV file.

    Raises:
        ConversionError: Listing what cannot be read, by file and line.
    """
    images: dict[str, LabelledImage | None] = {}
    file = source.labels
    lines = read_text(file).splitlines(keepends=True)
    reader = csv.DictReader(lines, delimiter=max(",;\t", key="".join(lines[:1]).count))
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    columns = Columns.of(reader.fieldnames, file)
    for row in tqdm(reader, desc="csv", unit="row", total=len(lines) - 1):
        where = at(file, reader.line_num)
        with source.problems.noting(where):
            _read_row(row, columns, where, images, source)
    found = [image for image in images.values() if image is not None]
    return assemble(source, found, landmarks=columns.landmarks)


def _read_row(
    row: Mapping[str, str | None],
    columns: Columns,
    where: str,
    images: dict[str, LabelledImage | None],
    source: Source,
) -> None:
    # The rest of a line that is too long has the key None, what a short one lacks is None.
    if None in row or None in row.values():
        raise ValueError("more or fewer columns than the first row")
    cells = {key: (value or "").strip() for key, value in row.items()}
    path = cells[columns.image].replace("\\", "/")
    if not path:
        raise ValueError(f"no path in column {columns.image}")
    file = source.relative(source.images / path, where)
    if file is None or not source.wants(file):
        return
    if file not in images:
        images[file] = source.image(file, where, _stated_size(cells))
    image = images[file]
    if image is not None and any(cells[key] for key in columns.box):
        image.boxes.append(_box(cells, columns, where))


def _stated_size(cells: Mapping[str, str]) -> tuple[int, int] | None:
    if not (cells.get("width") and cells.get("height")):
        return None
    return int(_number(cells, "width")), int(_number(cells, "height"))


def _box(cells: Mapping[str, str], columns: Columns, where: str) -> LabelledBox:
    x1, y1, x2, y2 = (_number(cells, key) for key in columns.box)
    if columns.box[2] == "w":
        x2, y2 = x1 + x2, y1 + y2
    name = cells[columns.name] if columns.name else DEFAULT_CLASS
    if not name:
        raise ValueError(f"no name in column {columns.name}")
    ignore = cells.get("ignore", "").lower() in ("1", "true", "yes")
    return LabelledBox(where, name, (x1, y1, x2, y2), _points(cells, columns), ignore)


def _points(cells: Mapping[str, str], columns: Columns) -> dict[str, Point]:
    points = {}
    for name in columns.landmarks:
        if not (cells[f"{name}_x"] or cells[f"{name}_y"]):
            continue
        visibility = _number(cells, f"{name}_v") if cells.get(f"{name}_v") else VISIBLE
        if visibility not in (0, 1, VISIBLE):
            raise ValueError(f"{name}_v is {visibility:g}, expected 0, 1 or 2")
        if visibility:
            x, y = (_number(cells, f"{name}_{axis}") for axis in "xy")
            points[name] = Point(x, y, int(visibility))
    return points


def _number(cells: Mapping[str, str], key: str) -> float:
    try:
        return float(cells[key])
    except ValueError:
        raise ValueError(f"{key} is {cells[key]!r}, expected a number") from None
