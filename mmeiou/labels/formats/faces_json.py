"""Detections in the json of ``tools/demo.py --json``: a list with an entry for each picture.

``image`` (or ``frame`` of a video), and ``faces``: ``box`` x1 y1 x2 y2, ``score``, ``landmarks``
x y, ``label`` the number of the class and, where it is known, ``class`` its name.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmeiou.labels.errors import LabelError, at, placing
from mmeiou.labels.image_files import image_key, image_path
from mmeiou.labels.records import Detections
from mmeiou.labels.text_files import read_json
from mmeiou.labels.values import entries, mapping, number, numbers


def read(file: Path, label: int = 0) -> dict[str, Detections]:
    """Read the detections of a class by :func:`~mmeiou.labels.image_files.image_key`.

    Raises:
        LabelError: It is no such file; names the entry.
    """
    with placing(str(file)):
        records = entries(read_json(file), "the file")
    found: dict[str, Detections] = {}
    for index, record in enumerate(records):
        with placing(at(file, f"[{index}]")):
            entry = mapping(record, "an entry")
            key = image_key(image_path(entry.get("image"), None))
            if key in found:
                raise LabelError(f"image: a second one is called {key}")
            found[key] = _detections(entries(entry.get("faces"), "faces"), label)
    return found


def _detections(faces: Iterable[Any], label: int) -> Detections:
    boxes, scores = [], []
    for index, value in enumerate(faces):
        face = mapping(value, f"faces[{index}]")
        if number(face.get("label", 0), f"faces[{index}] label") == label:
            boxes.append(numbers(face.get("box"), f"faces[{index}] box", 4, "x1 y1 x2 y2"))
            scores.append(number(face.get("score"), f"faces[{index}] score"))
    return Detections(np.array(boxes, np.float64).reshape(-1, 4), np.array(scores, np.float64))


def write(records: Iterable[Mapping[str, Any]], file: Path) -> None:
    """Write the pictures' entries, a picture a line."""
    lines = ",\n".join(json.dumps(record) for record in records)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
