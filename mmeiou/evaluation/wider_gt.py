"""The ground truth of WIDER FACE as its authors publish it: four ``.mat`` files.

``wider_face_val.mat`` holds every face as x y w h, in cells per event and image;
``wider_{easy,medium,hard}_val.mat`` hold, in the same cells, the one-based indices of the faces
that belong to the subset. The others are ignored when that subset is evaluated.
"""

from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat

Floats = npt.NDArray[np.float64]

SUBSETS = ("easy", "medium", "hard")

_FACES_FILE = "wider_face_val.mat"
_SUBSET_FILES = tuple(f"wider_{subset}_val.mat" for subset in SUBSETS)


class LabelledFaces(NamedTuple):
    """Faces of one image: ``boxes`` (m, 4) x1 y1 x2 y2; ``kept`` (S, m), one row a subset."""

    boxes: Floats
    kept: npt.NDArray[np.bool_]


def load_ground_truth(gt_dir: str | PathLike[str]) -> dict[str, LabelledFaces]:
    """Read the faces of every image and the subsets they belong to.

    Args:
        gt_dir: Folder of ``wider_face_val.mat`` and ``wider_{easy,medium,hard}_val.mat``.

    Returns:
        ``{"<event>/<image>": faces}``, image names without suffix, in the order of the files.
        ``kept`` has the rows easy, medium, hard.

    Raises:
        FileNotFoundError: If the folder or one of its four files is missing.
        ValueError: If a file is unreadable or the four do not fit together; names the file.
    """
    gt_dir = Path(gt_dir)
    missing = [name for name in (_FACES_FILE, *_SUBSET_FILES) if not (gt_dir / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"no {', '.join(missing)} in {gt_dir}. Expected the ground truth of the WIDER FACE "
            "evaluation tools (eval_tools.zip, folder ground_truth)."
        )
    boxes = _load_cells(gt_dir / _FACES_FILE, "face_bbx_list")
    kept = {name: _load_cells(gt_dir / name, "gt_list") for name in _SUBSET_FILES}
    for name, cells in kept.items():
        if cells.keys() != boxes.keys():
            raise ValueError(f"{gt_dir / name} lists other images than {_FACES_FILE}")
    return {
        key: LabelledFaces(
            _corners(xywh, f"{gt_dir / _FACES_FILE}, image {key}"),
            np.stack(
                [
                    _mask(cells[key], len(xywh), f"{gt_dir / name}, image {key}")
                    for name, cells in kept.items()
                ]
            ),
        )
        for key, xywh in boxes.items()
    }


def _load_cells(path: Path, variable: str) -> dict[str, Floats]:
    """Map ``<event>/<image>`` to its cell of the variable."""
    variables = ("event_list", "file_list", variable)
    try:
        mat = loadmat(path, variable_names=variables)
        events, files, values = (mat[name][:, 0] for name in variables)
        # Cell arrays nest: every string and every list is an object array of one column.
        return {
            f"{event.item()}/{file.item()}": value.astype(np.float64)
            for event, event_files, event_values in zip(events, files, values, strict=True)
            for file, value in zip(event_files[:, 0], event_values[:, 0], strict=True)
        }
    except KeyError as error:
        raise ValueError(f"{path} has no variable {error}; is it the file of that name?") from error
    except Exception as error:  # loadmat raises a dozen kinds on a damaged file
        raise ValueError(f"cannot read {path} as WIDER FACE ground truth: {error}") from error


def _corners(xywh: Floats, where: str) -> Floats:
    if xywh.size and xywh.shape[1:] != (4,):
        raise ValueError(f"{where}: faces must be rows of x y w h, got the shape {xywh.shape}")
    boxes = xywh.reshape(-1, 4).copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def _mask(one_based: Floats, count: int, where: str) -> npt.NDArray[np.bool_]:
    index = one_based.ravel().astype(np.intp) - 1
    if index.size and not 0 <= index.min() <= index.max() < count:
        raise ValueError(f"{where}: keeps faces {index.min() + 1}..{index.max() + 1} of {count}")
    mask = np.zeros(count, dtype=bool)
    mask[index] = True
    return mask
