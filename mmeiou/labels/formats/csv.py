"""CSV: a row a box, columns by the names in the first row.

====================  ==========================================================================
``image``             path of the image (also ``filename``, ``file``, ``path``)
the box               ``x1 y1 x2 y2``, ``xmin ymin xmax ymax`` or ``x y w h``, in pixels; all
                      empty for an image without boxes
``class``             name of the class (also ``label``, ``name``); ``face`` without that column
``<name>_x <name>_y``  a landmark; empty, -1 or 0 0 where it is not labelled; ``<name>_v`` is COCO's
                      visibility 0, 1 or 2
``ignore``            1 for a region to ignore
``width height``      of the image; checked
====================  ==========================================================================

Columns are separated by comma, semicolon or tab. Others are read over.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from tqdm import tqdm

from mmeiou.labels.errors import LabelError, at, placing
from mmeiou.labels.landmarks import VISIBLE
from mmeiou.labels.named_boxes import NamedBox, NamedImage, Point, number_boxes
from mmeiou.labels.records import LabelSet
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_text
from mmeiou.labels.values import flag, is_labelled, stated_size, visibility, written_number
from mmeiou.labels.values import name as checked_name

IMAGE = ("image", "filename", "file", "path")
CLASS = ("class", "label", "name")
BOXES = (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("x", "y", "w", "h"))
DEFAULT_CLASS = "face"
EXPECTED = (
    "the first row names the columns: image,x1,y1,x2,y2,class,right_eye_x,right_eye_y,... "
    "(or xmin,ymin,xmax,ymax or x,y,w,h)"
)

Cells = Mapping[str, str]


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
            LabelError: Image or box are missing, or a name stands twice.
        """
        image = next((name for name in IMAGE if name in names), None)
        box = next((box for box in BOXES if set(box) <= set(names)), None)
        if image is None or box is None:
            raise LabelError(f"{EXPECTED}, got {', '.join(names)[:200]}", at(file, 1))
        if twice := sorted({name for name in names if name and names.count(name) > 1}):
            raise LabelError(f"two columns of the name {twice[0]}", at(file, 1))
        stems = [name[:-2] for name in names if name.endswith(("_x", "_y"))]
        landmarks = tuple(dict.fromkeys(stems))
        for stem in landmarks:
            if not {f"{stem}_x", f"{stem}_y"} <= set(names):
                raise LabelError(f"of {stem}_x and {stem}_y one is missing", at(file, 1))
            with placing(at(file, 1)):
                checked_name(stem, f"the landmark of {stem}_x")
        return cls(image, box, next((name for name in CLASS if name in names), None), landmarks)


def read(source: Source) -> LabelSet:
    """Read a CSV file.

    Raises:
        LabelError: Listing what cannot be read, by file and line.
    """
    images: dict[str, NamedImage | None] = {}
    file = source.labels
    text = read_text(file)
    reader = rows_of(text, file)
    columns = Columns.of(reader.fieldnames or (), file)
    try:
        for row in tqdm(reader, desc="csv", unit="row", total=text.count("\n") - 1):
            where = at(file, reader.line_num)
            with source.problems.noting(where):
                _read_row(row, columns, where, images, source)
    except csv.Error as error:
        raise LabelError(f"not CSV ({error})", at(file, reader.reader.line_num)) from error
    found = [image for image in images.values() if image is not None]
    return number_boxes(source, found, landmarks=columns.landmarks)


def rows_of(text: str, file: Path) -> "csv.DictReader[str]":
    """The rows of a file, by the names in its first, in small letters.

    Raises:
        LabelError: There are no such names.
    """
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(StringIO(text), delimiter=delimiter)
    try:
        reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise LabelError(f"not CSV ({error})", at(file, 1)) from error
    return reader


def _read_row(
    row: Mapping[str, str | None],
    columns: Columns,
    where: str,
    images: dict[str, NamedImage | None],
    source: Source,
) -> None:
    # The rest of a line that is too long has the key None, what a short one lacks is None.
    if None in row or None in row.values():
        raise LabelError("more or fewer columns than the first row")
    cells = {key: (value or "").strip() for key, value in row.items()}
    file = source.image_file(cells[columns.image], columns.image)
    if not source.wants(file):
        return
    stated = stated_size(cells.get("width"), cells.get("height"))
    if file not in images:
        images[file] = None
        images[file] = NamedImage(file, source.size(file, where, stated), where)
    image = images[file]
    if image is None:
        return
    if stated not in (None, image.size):
        source.size(file, where, stated)  # says what the image itself has
        first = f"the label said {image.size} pixels" if image.size else "no size was stated"
        raise LabelError(f"width and height: {stated}, but {first} before")
    if any(cells[key] for key in columns.box):
        image.boxes.append(_box(cells, columns, where))


def _box(cells: Cells, columns: Columns, where: str) -> NamedBox:
    x1, y1, x2, y2 = (written_number(cells[key], key) for key in columns.box)
    if columns.box[2] == "w":
        x2, y2 = x1 + x2, y1 + y2
    label = checked_name(cells[columns.name], columns.name) if columns.name else DEFAULT_CLASS
    points = dict(_points(cells, columns))
    return NamedBox(where, label, (x1, y1, x2, y2), points, flag(cells.get("ignore"), "ignore"))


def _points(cells: Cells, columns: Columns) -> list[tuple[str, Point]]:
    points = []
    for landmark in columns.landmarks:
        x_key, y_key, v_key = (f"{landmark}_{axis}" for axis in "xyv")
        seen = visibility(cells[v_key], v_key) if cells.get(v_key) else None
        if seen == 0 or not (seen or cells[x_key] or cells[y_key]):
            continue
        x, y = written_number(cells[x_key], x_key), written_number(cells[y_key], y_key)
        if seen or is_labelled(x, y):
            points.append((landmark, Point(x, y, seen or VISIBLE)))
    return points
