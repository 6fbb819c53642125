"""What a teacher found in many pictures, kept picture by picture, so that a run can go on."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mmeiou.apis import Faces
from mmeiou.labels import LabelError
from mmeiou.labels.errors import at

DIGITS = 3  # of coordinates and scores
T = TypeVar("T")


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
        LabelError: It is another teacher's, or no such file; it is left as it is.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path
        self._known: dict[str, tuple[str, Picture]] = {}
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"teacher": digest})
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        self._read(whole.splitlines(), digest)
        if len(whole) < len(data):  # a run was killed within a line
            os.truncate(path, len(whole))

    def _read(self, lines: list[bytes], digest: str) -> None:
        header, *records = lines or [b""]
        if _parsed(header, at(self.path, 1), lambda read: read["teacher"]) != digest:
            raise LabelError(
                "found by another teacher, by other --scales, --max-side or --tta, or by an "
                "earlier version of this tool: remove it, or choose another --out",
                str(self.path),
            )
        for number, line in enumerate(records, start=2):
            self._keep(*_parsed(line, at(self.path, number), _entry))

    def get(self, file: str, data: bytes) -> Picture | None:
        """What was found in a picture of this content; None if it was not looked at."""
        digest, picture = self._known.get(file, ("", None))
        return picture if digest == _digest(data) else None

    def add(self, picture: Picture, data: bytes) -> Picture:
        """Keep a picture and the digest of its content; as :meth:`get` will give it."""
        faces = picture.faces
        record = {
            "image": picture.file,
            "sha256": _digest(data),
            "size": list(picture.size),
            "landmarks": faces.landmarks.shape[1],
            "faces": list(_rows(faces)),
        }
        self._append(record)
        return self._keep(*_entry(record))

    def _keep(self, digest: str, picture: Picture) -> Picture:
        self._known[picture.file] = digest, picture
        return picture

    def _append(self, record: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _parsed(line: bytes, where: str, parse: Callable[[Any], T]) -> T:
    """What ``parse`` makes of a line of json.

    Raises:
        LabelError: There is no such json, or it lacks a key.
    """
    try:
        return parse(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        lacks = f" (no key {error})" if isinstance(error, KeyError) else ""
        problem = f"not what a teacher found{lacks}: remove the file, or choose another --out"
        raise LabelError(problem, where) from error


def _entry(record: dict[str, Any]) -> tuple[str, Picture]:
    """Digest and picture of a line that was read."""
    width, height = record["size"]
    faces = Faces(*_columns(record["faces"], record["landmarks"]))
    return record["sha256"], Picture(record["image"], (width, height), faces)


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
