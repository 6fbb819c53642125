"""Landmarks in the columns after the box."""

import numpy as np
from numpy.typing import NDArray

from mmeiou.datasets.readers.face_label import KeypointWeight
from mmeiou.datasets.readers.rows import Rows

BOX_COLUMNS = 4


def read_landmarks(
    rows: Rows, num_keypoints: int | None, extra: int, weight: KeypointWeight
) -> NDArray[np.float32]:
    """Landmarks of rows that hold a box alone, or a box, K times ``x y v`` and extra columns.

    Args:
        rows: The face rows.
        num_keypoints: K; None takes that of the first row with landmarks; 0 reads over them.
        extra: Number of columns that follow the landmarks.
        weight: ``labelled`` gives weight 1 to every point with ``v >= 0``, ``flag`` gives
            weight ``v`` to it.

    Returns:
        ``(n, K, 3)``, x y weight; all zero where a point is not labelled.

    Raises:
        LabelError: A row with neither 4 columns nor those of K landmarks.
    """
    with_points = rows.widths > BOX_COLUMNS
    in_file = num_keypoints or _count(rows, with_points, extra)
    if in_file:
        width = BOX_COLUMNS + 3 * in_file + extra
        rows.require_widths((BOX_COLUMNS, width), f"4 (box alone) or {width} ({in_file} landmarks)")
    else:
        rows.require_widths((BOX_COLUMNS,), "4")
    wanted = in_file if num_keypoints is None else num_keypoints
    keypoints = np.zeros((len(rows), wanted, 3), dtype=np.float32)
    if wanted:
        points = rows.columns(BOX_COLUMNS, 3 * wanted, with_points).reshape(-1, wanted, 3)
        flags = points[..., 2]
        points[..., 2] = np.where(flags < 0, 0, 1 if weight == "labelled" else flags)
        points[points[..., 2] == 0] = 0
        keypoints[with_points] = points
    return keypoints


def _count(rows: Rows, with_points: NDArray[np.bool_], extra: int) -> int:
    """K of the first row with landmarks, 0 if no row has any."""
    if not with_points.any():
        return 0
    row = int(with_points.argmax())
    count, rest = divmod(int(rows.widths[row]) - BOX_COLUMNS - extra, 3)
    if rest or count < 1:
        expected = f"4 (box alone) or 4 + 3K{f' + {extra}' if extra else ''} for K landmarks"
        raise rows.error(row, f"{rows.widths[row]} numbers in a face line, expected {expected}")
    return count
