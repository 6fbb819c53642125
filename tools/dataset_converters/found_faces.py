"""What a teacher found in many pictures, kept picture by picture, so that a run can go on."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmeiou.apis import Faces
from mmeiou.labels import LabelError

DIGITS = 3  # of coordinates and scores


@dataclass(frozen=True)
class Picture:
    """A picture and its faces; ``size`` is width and height of the upright picture."""

    file: str
    size: tuple[int, int]
    faces: Faces


class FoundFaces:
    """A text file: a line for the teacher, then one for each picture, written when it is done.

    Args:
        path: The file; it is begun if there is none.
        digest: Of the teacher.

    Raises:
        LabelError: It is another teacher's, or no such file.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path
        self._known: dict[str, dict[str, Any]] = {}
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"teacher": digest})
            return
        lines = path.read_bytes().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):  # of a run that was killed
            os.truncate(path, path.stat().st_size - len(lines.pop()))
        try:
            header, *records = (json.loads(line) for line in lines)
            found = header["teacher"]
            self._known = {record["image"]: record for record in records}
        except (ValueError, KeyError, TypeError) as error:
            problem = "not what a teacher found: remove it, or choose another --out"
            raise LabelError(problem, str(path)) from error
        if found != digest:
            raise LabelError(
                "found by another teacher, or by other --scales, --max-side or --tta: remove it, "
                "or choose another --out",
                str(path),
            )

    def get(self, file: str, num_bytes: int) -> Picture | None:
        """What was found in a picture of so many bytes; None if it was not looked at."""
        record = self._known.get(file)
        if record is None or record["bytes"] != num_bytes:
            return None
        width, height = record["size"]
        faces = Faces(*_columns(record["faces"], record["landmarks"]))
        return Picture(file, (width, height), faces)

    def add(self, picture: Picture, num_bytes: int) -> Picture:
        """Keep a picture; as :meth:`get` will give it."""
        faces = picture.faces
        record = {
            "image": picture.file,
            "bytes": num_bytes,
            "size": list(picture.size),
            "landmarks": faces.landmarks.shape[1],
            "faces": list(_rows(faces)),
        }
        self._append(record)
        self._known[picture.file] = record
        found = self.get(picture.file, num_bytes)
        assert found is not None
        return found

    def _append(self, record: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _rows(faces: Faces) -> Iterator[list[float]]:
    """Box, score, class, landmarks of each face, one after the other."""
    for index in range(len(faces)):
        numbers = [
            *faces.boxes[index].tolist(),
            float(faces.scores[index]),
            int(faces.labels[index]),
            *faces.landmarks[index].flatten().tolist(),
        ]
        yield [round(number, DIGITS) for number in numbers]


def _columns(rows: list[list[float]], landmarks: int) -> Any:
    table = np.array(rows, dtype=np.float32).reshape(len(rows), 6 + 2 * landmarks)
    points = table[:, 6:].reshape(len(rows), landmarks, 2)
    return table[:, :4], table[:, 4], points, table[:, 5].astype(np.int64)
