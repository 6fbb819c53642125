"""The ground truth of WIDER FACE as its authors publish it: a folder of four ``.mat`` files.

``wider_face_val.mat`` holds every face as x y w h, in cells per event and image;
``wider_{easy,medium,hard}_val.mat`` hold, in the same cells, the one-based indices of the faces
that belong to the subset. The others are ignored when that subset is evaluated.
"""

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mmeiou.labels.errors import LabelError
from mmeiou.labels.face_text import corners
from mmeiou.labels.records import Bools, Floats, ImageLabels, LabelSet
from mmeiou.labels.source import Source

SUBSETS = ("easy", "medium", "hard")
FACES_FILE = "wider_face_val.mat"
SUBSET_FILES = tuple(f"wider_{subset}_val.mat" for subset in SUBSETS)


def read(source: Source) -> LabelSet:
    """Read the faces of every image and the subsets they belong to.

    Args:
        source: Its ``labels`` are the folder; images are ``<event>/<image>.jpg``.

    Raises:
        FileNotFoundError: The folder or one of its four files is missing.
        LabelError: A file is unreadable or the four do not fit together; names the file.
    """
    if source.classes or source.landmarks or source.below or source.listed:
        raise LabelError(
            "of the benchmark's ground truth nothing can be chosen", str(source.labels)
        )
    folder = source.labels
    missing = [name for name in (FACES_FILE, *SUBSET_FILES) if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"no {', '.join(missing)} in {folder}. Expected the ground truth of the WIDER FACE "
            "evaluation tools (eval_tools.zip, folder ground_truth)."
        )
    boxes = _load_cells(folder / FACES_FILE, "face_bbx_list")
    kept = {name: _load_cells(folder / name, "gt_list") for name in SUBSET_FILES}
    for name, cells in kept.items():
        if cells.keys() != boxes.keys():
            raise LabelError(f"lists other images than {FACES_FILE}", str(folder / name))
    images = []
    for key, xywh in boxes.items():
        where = f"{folder / FACES_FILE}, image {key}"
        faces = _corners(xywh, where)
        subsets = [
            _mask(cells[key], len(faces), f"{folder / name}, image {key}")
            for name, cells in kept.items()
        ]
        images.append(
            ImageLabels(
                f"{key}.jpg",
                None,
                bboxes=faces,
                labels=np.zeros(len(faces), dtype=np.int64),
                ignore=~subsets[-1],  # the hard ones include the others
                keypoints=np.zeros((len(faces), 0, 3)),
                where=[where] * len(faces),
                where_image=where,
                subsets=np.stack(subsets),
            )
        )
    return LabelSet(folder, images, flip_pairs=(), subsets=SUBSETS)


def _load_cells(path: Path, variable: str) -> dict[str, Floats]:
    """Map ``<event>/<image>`` to its cell of the variable."""
    variables = ("event_list", "file_list", variable)
    try:
        mat = loadmat(path, variable_names=variables)
        events, files, values = (mat[name][:, 0] for name in variables)
        # Cell arrays nest: every string and every list is an object array of one column.
        cells = [
            (f"{event.item()}/{file.item()}", value.astype(np.float64))
            for event, event_files, event_values in zip(events, files, values, strict=True)
            for file, value in zip(event_files[:, 0], event_values[:, 0], strict=True)
        ]
    except KeyError as error:
        problem = f"has no variable {error}; is it the file of that name?"
        raise LabelError(problem, str(path)) from error
    except Exception as error:  # loadmat raises a dozen kinds on a damaged file
        raise LabelError(f"not WIDER FACE ground truth ({error})", str(path)) from error
    by_key = dict(cells)
    if len(by_key) < len(cells):
        raise LabelError("an image stands in it twice", str(path))
    return by_key


def _corners(xywh: Floats, where: str) -> Floats:
    if xywh.size and xywh.shape[1:] != (4,):
        raise LabelError(f"faces must be rows of x y w h, got the shape {xywh.shape}", where)
    if not np.isfinite(xywh).all():
        raise LabelError("a number that is not finite", where)
    return corners(xywh.reshape(-1, 4))


def _mask(one_based: Floats, count: int, where: str) -> Bools:
    index = one_based.ravel()
    if index.size and not 1 <= index.min() <= index.max() <= count:  # NaN is not
        raise LabelError(f"keeps faces {index.min():g} to {index.max():g} of {count}", where)
    mask = np.zeros(count, dtype=bool)
    mask[index.astype(np.intp) - 1] = True
    return mask
