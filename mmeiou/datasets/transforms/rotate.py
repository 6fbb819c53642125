"""Turned images with their boxes and landmarks."""

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes, autocast_box_type

from mmeiou.corruptions.rotate import rotate
from mmeiou.datasets.transforms.instances import keep_instances
from mmeiou.functional.rotation import map_boxes, map_points, rotation
from mmeiou.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomRotate(BaseTransform):
    """Turn an image about its centre, in a frame that keeps its size.

    The new box of a face is that of the ellipse in its old box, which is nearer to a turned head
    than a box around the old box's corners. A face is kept if the centre of its box is strictly
    inside the image; its box is clipped to it, its landmarks only move, and keep their order: a
    turned eye is the same eye. A region to ignore is as large as its corners need, and stays as far
    as the image shows it.

    Required keys: ``img``, uint8. Modified: ``img``, and if present ``gt_bboxes``,
    ``gt_bboxes_labels``, ``gt_ignore_flags``, ``gt_keypoints``, ``homography_matrix``.

    Args:
        max_angle: Degrees; the angle is uniform from minus this to this.
        prob: Of a turn.
        pad_value: Fill value where nothing is known.

    Raises:
        ValueError: A number is out of range.
    """

    def __init__(self, max_angle: float = 45, prob: float = 0.5, pad_value: float = 128) -> None:
        if not 0 <= max_angle <= 180:  # noqa: PLR2004 - all there are
            raise ValueError(f"max_angle={max_angle}: expected 0 to 180 degrees")
        if not 0 <= prob <= 1:
            raise ValueError(f"prob={prob}: expected 0 to 1")
        self.max_angle = max_angle
        self.prob = prob
        self.pad_value = pad_value

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn everything in ``results``, or leave it."""
        drawn, share = np.random.random(2)  # noqa: NPY002 - seeded by MMEngine
        if drawn >= self.prob:
            return results
        height, width = results["img"].shape[:2]
        matrix, size = rotation((2 * share - 1) * self.max_angle, (width, height))
        results["img"] = rotate(results["img"], matrix, size, self.pad_value)
        if "gt_keypoints" in results:
            keypoints = results["gt_keypoints"]
            moved = keypoints.astype(np.float32)
            labelled = keypoints[..., 2:] > 0
            moved[..., :2] = np.where(labelled, map_points(keypoints[..., :2], matrix), 0)
            results["gt_keypoints"] = moved
        if "gt_bboxes" in results:
            old = results["gt_bboxes"].numpy().astype(np.float64)
            boxes = map_boxes(old, matrix)
            centres = (boxes[:, :2] + boxes[:, 2:]) / 2
            keep = np.all((centres > 0) & (centres < size), axis=1)
            if "gt_ignore_flags" in results:
                ignore = results["gt_ignore_flags"]
                boxes = np.where(ignore[:, None], map_boxes(old, matrix, "rectangle"), boxes)
                shown = ((boxes[:, :2] < size) & (boxes[:, 2:] > 0)).all(axis=1)
                keep = (ignore & shown) | (~ignore & keep)
            keep_instances(results, keep)
            clipped = boxes[keep].clip(0, (*size, *size)).astype(np.float32)
            results["gt_bboxes"] = HorizontalBoxes(torch.from_numpy(clipped))
        whole = np.concatenate([matrix, [[0, 0, 1]]]).astype(np.float32)
        results["homography_matrix"] = whole @ results.get(
            "homography_matrix", np.eye(3, dtype=np.float32)
        )
        return results

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(max_angle={self.max_angle}, prob={self.prob}, "
            f"pad_value={self.pad_value})"
        )
