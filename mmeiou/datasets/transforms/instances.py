"""What every landmark-aware transform does to the faces of ``results``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

INSTANCE_KEYS = ("gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "gt_keypoints")


def map_keypoints(
    keypoints: NDArray[np.float32],
    scale: tuple[float, float] = (1.0, 1.0),
    shift: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.float32]:
    """Map labelled points by ``xy * scale + shift``; points of weight 0 stay at the origin.

    Args:
        keypoints: ``(n, K, 3)`` x, y, weight.
        scale: Factors of x and y.
        shift: Offsets of x and y in pixels, added after scaling.

    Returns:
        A new ``(n, K, 3)`` float32 array.
    """
    labelled = keypoints[..., 2:] > 0
    mapped = keypoints.astype(np.float32)
    mapped[..., :2] = np.where(labelled, keypoints[..., :2] * scale + np.array(shift), 0)
    return mapped


def keep_instances(results: dict[str, Any], keep: NDArray[np.bool_]) -> None:
    """Keep the chosen faces in every per-face entry that ``results`` has."""
    for key in INSTANCE_KEYS:
        if key in results:
            results[key] = results[key][keep]
