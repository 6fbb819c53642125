"""Detections in the text format of the WIDER FACE evaluation: ``<event>/<image>.txt``.

A file holds the image's name, the number of detections, then a line ``x y w h score`` for each,
best first.
"""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mmeiou.labels.errors import LabelError, at, placing
from mmeiou.labels.face_text import corners
from mmeiou.labels.image_files import image_key
from mmeiou.labels.records import Detections
from mmeiou.labels.text_files import read_text
from mmeiou.labels.values import written_number

_HEADER_LINES = 2
_COLUMNS = ("x", "y", "w", "h", "score")


def list_files(folder: Path) -> list[Path]:
    """List the files of a folder, sorted.

    Raises:
        FileNotFoundError: If the folder is missing or holds no ``<event>/<image>.txt``.
    """
    files = sorted(folder.glob("*/*.txt"))
    if not files:
        raise FileNotFoundError(f"no prediction files {folder}/<event>/<image>.txt")
    return files


def read(files: Iterable[Path]) -> dict[str, Detections]:
    """Read files.

    Args:
        files: As listed by :func:`list_files`.

    Returns:
        ``{"<event>/<image>": detections}``; the names are those of the files.

    Raises:
        LabelError: A file is malformed; names file and line.
    """
    return {image_key(file): read_file(file) for file in files}


def read_file(path: Path) -> Detections:
    """Read the file of one image.

    Raises:
        LabelError: A line is malformed, a box has no width or height, or the number of detections
            is not the one declared.
    """
    lines = read_text(path).rstrip().split("\n")
    declared = lines[1].strip() if len(lines) >= _HEADER_LINES else ""
    if not declared.isdecimal():
        raise LabelError("expected the number of detections below the image's name", at(path, 2))
    rows = lines[_HEADER_LINES:]
    if declared.lstrip("0") != str(len(rows) or ""):
        problem = f"declares {declared[:20]} detections, but {len(rows)} lines follow"
        raise LabelError(problem, at(path, 2))
    values = [_row(row, at(path, line)) for line, row in enumerate(rows, _HEADER_LINES + 1)]
    table = np.array(values, dtype=np.float64).reshape(-1, len(_COLUMNS))
    return Detections(corners(table[:, :4]), table[:, 4])


def _row(text: str, where: str) -> list[float]:
    words = text.split()
    if len(words) != len(_COLUMNS):
        raise LabelError(f"expected 'x y w h score', got {text.strip()[:80]!r}", where)
    with placing(where):
        values = [written_number(word, key) for key, word in zip(_COLUMNS, words, strict=True)]
    if min(values[2:4]) < 0:
        problem = f"width {values[2]:g}, height {values[3]:g}; expected x y w h, not two corners"
        raise LabelError(problem, where)
    return values


def write(out_dir: Path, detections: Mapping[str, Detections]) -> None:
    """Write the detections of a set, best first, all or nothing.

    The files are made in a folder beside ``out_dir``, which takes its place when complete. Scores
    keep the 9 digits that tell any two float32 apart, boxes a thousandth of a pixel.

    Args:
        out_dir: Replaced as a whole if it exists.
        detections: ``{"<event>/<image>": detections}``.

    Raises:
        FileExistsError: If ``out_dir`` holds anything but prediction files.
        LabelError: A key names no event, or one outside of the folder.
    """
    check_replaceable(out_dir)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out_dir.name}-", dir=out_dir.parent) as staging:
        fresh = Path(staging, "new")
        fresh.mkdir()
        for key, found in detections.items():
            event, _, name = key.rpartition("/")
            if not event or not name or event in (".", "..") or "/" in event:
                raise LabelError("its image has no folder to tell the event's name", key)
            path = fresh / event / f"{name}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(_format(name, found), encoding="utf-8")
        if out_dir.exists():
            out_dir.rename(Path(staging, "old"))
        fresh.rename(out_dir)


def check_replaceable(out_dir: Path) -> None:
    """Make sure that replacing a folder loses nothing but earlier predictions.

    Raises:
        FileExistsError: If it is a file, or holds anything but ``<event>/<image>.txt`` that begin
            with the image's name.
    """
    if out_dir.is_file():
        raise FileExistsError(f"{out_dir} is a file; predictions need a folder")
    for path in out_dir.glob("**/*"):
        is_event = path.is_dir() and path.parent == out_dir
        if not is_event and not (path.parent.parent == out_dir and _is_prediction(path)):
            raise FileExistsError(
                f"{out_dir} would be replaced, but holds {path.relative_to(out_dir)}, which is no "
                "prediction file; choose another folder"
            )


def _is_prediction(path: Path) -> bool:
    """Whether the file is one of ours: other things, too, are kept as ``<folder>/<name>.txt``."""
    if path.suffix != ".txt" or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline().strip() == path.stem.encode()


def _format(name: str, found: Detections) -> str:
    order = np.argsort(-found.scores, kind="stable")
    lines = [name, str(len(order))]
    for (x1, y1, x2, y2), score in zip(
        found.bboxes[order].tolist(), found.scores[order].tolist(), strict=True
    ):
        lines.append(f"{x1:.3f} {y1:.3f} {x2 - x1:.3f} {y2 - y1:.3f} {score:.9g}")
    return "\n".join(lines) + "\n"
