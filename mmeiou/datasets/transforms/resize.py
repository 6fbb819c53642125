"""Resizing images with boxes and landmarks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.datasets.transforms import Resize as MMDetResize

from mmeiou.datasets.transforms.instances import map_keypoints
from mmeiou.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Resize(MMDetResize):
    """MMDetection's ``Resize`` that also scales ``gt_keypoints``.

    Landmarks are multiplied by ``scale_factor`` (width, height) and, unlike the boxes, never
    clipped: one outside the image keeps its place relative to the face.

    Args:
        interpolation: MMDetection's, or several of them, of which each image gets one at random:
            users' pictures come resized in other ways than the training's.
        *args: Those of MMDetection's ``Resize``.
        **kwargs: Those of MMDetection's ``Resize``.

    Raises:
        ValueError: No interpolation is named.
    """

    def __init__(
        self, *args: Any, interpolation: str | Sequence[str] = "bilinear", **kwargs: Any
    ) -> None:
        names = (interpolation,) if isinstance(interpolation, str) else tuple(interpolation)
        if not names:
            raise ValueError("interpolation=(): expected at least one")
        super().__init__(*args, interpolation=names[0], **kwargs)
        self.interpolations = names

    def _resize_img(self, results: dict[str, Any]) -> None:
        # Of one, NumPy draws nothing: recipes without a choice keep their samples.
        chosen = np.random.randint(len(self.interpolations))  # noqa: NPY002 - seeded by MMEngine
        self.interpolation = self.interpolations[chosen]
        super()._resize_img(results)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize everything in ``results``."""
        results = super().transform(results)
        if "gt_keypoints" in results:
            results["gt_keypoints"] = map_keypoints(
                results["gt_keypoints"], scale=results["scale_factor"]
            )
        return results
