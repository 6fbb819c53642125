"""Faces made by hand for the tests of datasets and transforms."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import mmeiou  # noqa: F401 - before mmdet, which needs its stand-ins where mmcv has no ops

Results = dict[str, Any]


def make_results(
    height: int = 100,
    width: int = 200,
    boxes: list[list[float]] | None = None,
    num_keypoints: int | None = 5,
) -> Results:
    """What comes out of the loading transforms; landmark j of a face is at (x1 + j, y1 + 2j)."""
    from mmdet.structures.bbox import HorizontalBoxes  # noqa: PLC0415 - after mmeiou

    coordinates = np.array(boxes or [], dtype=np.float32).reshape(-1, 4)
    n = len(coordinates)
    row = np.arange(width, dtype=np.uint8)
    results = {
        "img": np.stack([np.tile(row, (height, 1))] * 3, axis=-1),
        "img_shape": (height, width),
        "ori_shape": (height, width),
        "gt_bboxes": HorizontalBoxes(torch.from_numpy(coordinates.copy())),
        "gt_bboxes_labels": np.arange(n, dtype=np.int64),
        "gt_ignore_flags": np.zeros(n, dtype=bool),
    }
    if num_keypoints is not None:
        steps = np.arange(num_keypoints)[:, None] * np.array([1, 2])
        keypoints = np.ones((n, num_keypoints, 3), dtype=np.float32)
        keypoints[..., :2] = coordinates[:, None, :2] + steps
        results["gt_keypoints"] = keypoints
    return results


@pytest.fixture(scope="session")
def face_results() -> Callable[..., Results]:
    """Maker of ``results`` dicts."""
    return make_results
