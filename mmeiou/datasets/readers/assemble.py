"""Giving every image its faces."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmeiou.datasets.readers.face_label import BadBox, FaceLabel, LabelError
from mmeiou.datasets.readers.rows import Rows


def assemble(
    rows: Rows,
    images: Sequence[str],
    sizes: Sequence[tuple[int, int] | None],
    owners: Sequence[int],
    boxes: NDArray[np.float64],
    keypoints: NDArray[np.float32],
    ignore: NDArray[np.bool_],
    on_bad_box: BadBox,
) -> list[FaceLabel]:
    """Give every image its faces.

    Args:
        rows: The face rows.
        images: Image paths in the order of the file.
        sizes: Their width and height, or None.
        owners: Index of the image of each row, ascending.
        boxes: ``(n, 4)`` x1 y1 x2 y2 of the rows.
        keypoints: ``(n, K, 3)`` of the rows.
        ignore: ``(n,)`` of the rows.
        on_bad_box: What to do about a box of zero or negative width or height.

    Raises:
        LabelError: Such a box, and ``on_bad_box='error'``.
    """
    if not images:
        raise LabelError(rows.file, None, "no image in it; an empty label file?")
    good = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not good.all():
        row = good.argmin()
        x1, y1, x2, y2 = boxes[row]
        problem = f"box of width {x2 - x1:g} and height {y2 - y1:g}"
        if on_bad_box == "error":
            raise rows.error(row, f"{problem}; correct it, or set on_bad_box='drop'")
        warnings.warn(
            f"{(~good).sum()} faces without area dropped, the first one at "
            f"{rows.file}:{rows.lines[row]}: {problem}",
            stacklevel=2,
        )
    owner = np.asarray(owners, dtype=np.int64)[good]
    cuts = np.searchsorted(owner, np.arange(1, len(images)))
    parts = (
        np.split(values[good], cuts) for values in (boxes.astype(np.float32), keypoints, ignore)
    )
    return [FaceLabel(*fields) for fields in zip(images, sizes, *parts, strict=True)]
