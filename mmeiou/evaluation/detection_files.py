"""Detections from whatever file a tool of this project leaves them in."""

import json
from pathlib import Path
from typing import Any

import mmengine
import numpy as np
from tqdm import tqdm

from mmeiou.evaluation.samples import sample_detections
from mmeiou.evaluation.wider_text import Detections, image_key, prediction_files, read_predictions


def read_detections(source: Path, face_label: int = 0) -> dict[str, Detections]:
    """Read the detections of a set of images.

    Args:
        source: A folder of WIDER's text files ``<event>/<image>.txt``; what
            ``tools/test.py --out FILE.pkl`` writes (unpickled: open your own only); or what
            ``tools/demo.py --json`` writes.
        face_label: The class to read where there are several.

    Returns:
        By :func:`name_key` of the image, sorted as in the source.

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If it is none of these; names the file.
    """
    if source.is_dir():
        return read_predictions(tqdm(prediction_files(source), unit="file"))
    if not source.is_file():
        raise FileNotFoundError(f"predictions {source} not found")
    if source.suffix not in {".pkl", ".pickle", ".json"}:
        raise ValueError(
            f"predictions {source}: expected a folder of <event>/<image>.txt, FILE.pkl of "
            "tools/test.py --out, or faces.json of tools/demo.py --json"
        )
    try:
        if source.suffix == ".json":
            return dict(map(_from_demo, json.loads(source.read_text(encoding="utf-8"))))
        return {
            name_key(sample["img_path"]): sample_detections(sample, face_label)
            for sample in mmengine.load(source)
        }
    except (KeyError, TypeError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"predictions {source}: not written by this project: {error}") from error


def name_key(path: str | Path) -> str:
    """``<folder>/<name>`` without suffix, or the name alone of an image without a folder."""
    path = Path(path)
    return image_key(path) if path.parent.name else path.stem


def _from_demo(record: dict[str, Any]) -> tuple[str, Detections]:
    faces = record["faces"]
    return name_key(record["image"]), Detections(
        np.array([face["box"] for face in faces], np.float64).reshape(-1, 4),
        np.array([face["score"] for face in faces], np.float64),
    )
