"""A small WIDER FACE ground truth and predictions as files, for the tests of several folders."""

from pathlib import Path

import numpy as np
from scipy.io import savemat

SUBSETS = ("easy", "medium", "hard")

# <event>/<image>: faces x y w h, then the one-based indices that each subset keeps.
GROUND_TRUTH = {
    "0--Parade/jpg.of.gpj": ([[10, 10, 9, 9], [40, 40, 9, 9]], [[1], [1], [1, 2]]),
    "0--Parade/no_face": ([], [[], [], []]),
    "9--Press/one": ([[0, 0, 19, 19]], [[], [1], [1]]),
}


def cell(items):
    """Column cell array, as MATLAB keeps lists."""
    column = np.empty((len(items), 1), dtype=object)
    for row, item in enumerate(items):
        column[row, 0] = item
    return column


def write_ground_truth(folder: Path, ground_truth=None) -> Path:
    """Write the four .mat files; events and images in the order given."""
    ground_truth = GROUND_TRUTH if ground_truth is None else ground_truth
    events = {}
    for key, labels in ground_truth.items():
        event, image = key.split("/")
        events.setdefault(event, {})[image] = labels
    names = {
        "event_list": cell(list(events)),
        "file_list": cell([cell(list(images)) for images in events.values()]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    faces = [
        cell([np.array(boxes, dtype=np.int32).reshape(-1, 4) for boxes, _ in images.values()])
        for images in events.values()
    ]
    savemat(folder / "wider_face_val.mat", {**names, "face_bbx_list": cell(faces)})
    for row, subset in enumerate(SUBSETS):
        kept = [
            cell([np.array(k[row], dtype=np.uint16).reshape(-1, 1) for _, k in images.values()])
            for images in events.values()
        ]
        savemat(folder / f"wider_{subset}_val.mat", {**names, "gt_list": cell(kept)})
    return folder


def write_text(folder: Path, key: str, *rows: str, count: int | None = None) -> Path:
    """Write one prediction file."""
    path = folder / f"{key}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [path.stem, str(len(rows) if count is None else count), *rows]
    path.write_text("\n".join(lines) + "\n")
    return path
