"""Resizing images with boxes and landmarks."""

from typing import Any

from mmdet.datasets.transforms import Resize as MMDetResize

from mmeiou.datasets.transforms.instances import map_keypoints
from mmeiou.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Resize(MMDetResize):
    """MMDetection's ``Resize`` that also scales ``gt_keypoints``.

    Landmarks are multiplied by ``scale_factor`` (width, height) and, unlike the boxes, never
    clipped: one outside the image keeps its place relative to the face.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize everything in ``results``."""
        results = super().transform(results)
        if "gt_keypoints" in results:
            results["gt_keypoints"] = map_keypoints(
                results["gt_keypoints"], scale=results["scale_factor"]
            )
        return results
