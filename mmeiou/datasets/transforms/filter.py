"""Dropping small faces together with their landmarks."""

from typing import Any

from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import autocast_box_type

from mmeiou.datasets.transforms.instances import keep_instances
from mmeiou.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FilterAnnotations(BaseTransform):
    """MMDetection's ``FilterAnnotations`` by box size that also drops landmarks.

    Args:
        min_gt_bbox_wh: Faces whose width and height are not both larger are dropped.
        keep_empty: MMDetection's misnomer: whether an image that loses all of its faces is
            replaced by another one (True), or used without faces (False).
    """

    def __init__(
        self, min_gt_bbox_wh: tuple[float, float] = (1, 1), keep_empty: bool = True
    ) -> None:
        self.min_gt_bbox_wh = min_gt_bbox_wh
        self.keep_empty = keep_empty

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Filter the faces in ``results``; None asks the dataset for another image."""
        boxes = results["gt_bboxes"]
        min_width, min_height = self.min_gt_bbox_wh
        keep = ((boxes.widths > min_width) & (boxes.heights > min_height)).numpy()
        if keep.size and not keep.any() and self.keep_empty:
            return None
        keep_instances(results, keep)
        return results
