"""Predictions in the text format of the WIDER FACE evaluation: ``<event>/<image>.txt``.

A file holds the image's name, the number of detections, then a line ``x y w h score`` for each,
best first.
"""

import math
import tempfile
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_HEADER_LINES = 2
_NUM_VALUES = 5


class Detections(NamedTuple):
    """Detections of one image: ``boxes`` (n, 4) x1 y1 x2 y2 in pixels, ``scores`` (n,)."""

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]


def image_key(img_path: str | PathLike[str]) -> str:
    """Name of an image in the evaluation: ``<event>/<image>``, without suffix.

    Args:
        img_path: Path of the image (or its prediction file) in a folder named after the event.

    Raises:
        ValueError: If the path has no folder.

    Examples:
        >>> image_key("WIDER_val/images/0--Parade/0_Parade_jpg.jpg")
        '0--Parade/0_Parade_jpg'
    """
    path = Path(img_path)
    if not path.parent.name:
        raise ValueError(f"{str(img_path)!r} has no parent folder to tell the event's name")
    return f"{path.parent.name}/{path.stem}"


def prediction_files(pred_dir: str | PathLike[str]) -> list[Path]:
    """List the prediction files of a folder, sorted.

    Raises:
        FileNotFoundError: If the folder is missing or holds no ``<event>/<image>.txt``.
    """
    files = sorted(Path(pred_dir).glob("*/*.txt"))
    if not files:
        raise FileNotFoundError(f"no prediction files {pred_dir}/<event>/<image>.txt")
    return files


def read_predictions(files: Iterable[Path]) -> dict[str, Detections]:
    """Read prediction files.

    Args:
        files: As listed by :func:`prediction_files`.

    Returns:
        ``{"<event>/<image>": detections}``; the names are those of the files.

    Raises:
        ValueError: If a file is malformed; names file and line.
    """
    return {image_key(file): read_prediction(file) for file in files}


def read_prediction(path: Path) -> Detections:
    """Read the prediction file of one image.

    Raises:
        ValueError: If a line is malformed or the number of detections is not the one declared.
    """
    try:
        lines = path.read_text(encoding="utf-8").rstrip().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file: {error}") from error
    if len(lines) < _HEADER_LINES or not lines[1].strip().isdecimal():
        raise ValueError(f"{path}:2: expected the number of detections below the image's name")
    declared, rows = int(lines[1]), lines[_HEADER_LINES:]
    if declared != len(rows):
        raise ValueError(f"{path}:2: declares {declared} detections, but {len(rows)} lines follow")
    values = np.array(
        [_parse_row(row, f"{path}:{line}") for line, row in enumerate(rows, _HEADER_LINES + 1)]
    ).reshape(-1, _NUM_VALUES)
    boxes, scores = values[:, :4], values[:, 4]
    boxes[:, 2:] += boxes[:, :2]
    return Detections(boxes, scores)


def _parse_row(row: str, where: str) -> list[float]:
    try:
        values = [float(value) for value in row.split()]
    except ValueError:
        values = []
    if len(values) != _NUM_VALUES or not all(map(math.isfinite, values)):
        raise ValueError(f"{where}: expected 'x y w h score', got {row.strip()!r}")
    return values


def write_predictions(out_dir: str | PathLike[str], predictions: Mapping[str, Detections]) -> None:
    """Write predictions of a set, best detection first, all or nothing.

    The files are made in a folder beside ``out_dir``, which takes its place when complete. Scores
    keep the 9 digits that tell any two float32 apart, boxes a thousandth of a pixel.

    Args:
        out_dir: Replaced as a whole if it exists.
        predictions: ``{"<event>/<image>": detections}``.

    Raises:
        FileExistsError: If ``out_dir`` holds anything but prediction files.
    """
    out_dir = Path(out_dir)
    check_replaceable(out_dir)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out_dir.name}-", dir=out_dir.parent) as staging:
        fresh = Path(staging, "new")
        fresh.mkdir()
        for key, detections in predictions.items():
            path = fresh / f"{key}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(_format(path.stem, detections), encoding="utf-8")
        if out_dir.exists():
            out_dir.rename(Path(staging, "old"))
        fresh.rename(out_dir)


def check_replaceable(out_dir: str | PathLike[str]) -> None:
    """Make sure that replacing a folder loses nothing but earlier predictions.

    Raises:
        FileExistsError: If it is a file, or holds anything but ``<event>/<image>.txt`` that begin
            with the image's name.
    """
    out_dir = Path(out_dir)
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


def _format(name: str, detections: Detections) -> str:
    order = np.argsort(-detections.scores, kind="stable")
    lines = [name, str(len(order))]
    for (x1, y1, x2, y2), score in zip(
        detections.boxes[order].tolist(), detections.scores[order].tolist(), strict=True
    ):
        lines.append(f"{x1:.3f} {y1:.3f} {x2 - x1:.3f} {y2 - y1:.3f} {score:.9g}")
    return "\n".join(lines) + "\n"
