"""Packing a sample for the detector."""

from typing import Any

import numpy as np
import torch
from mmdet.datasets.transforms import PackDetInputs as MMDetPackDetInputs
from numpy.typing import NDArray
from torch import Tensor

from mmeiou.datasets.transforms.carrying import LEFT_DATASET
from mmeiou.registry import TRANSFORMS

GREY = 2


@TRANSFORMS.register_module()
class PackDetInputs(MMDetPackDetInputs):
    """MMDetection's ``PackDetInputs`` that also packs landmarks.

    ``gt_keypoints`` becomes ``keypoints``, float32 ``(n, K, 3)``, of ``gt_instances`` and, for
    faces to ignore, of ``ignored_instances``. Add ``instances`` to ``meta_keys`` to hand the
    dataset's own annotations in original pixels to a metric.

    ``inputs`` are the pixels where they lie: what is a copy in MMDetection is a view with strides
    of ``channels_last`` here, which the data preprocessor stacks as it is.

    Raises:
        ValueError: There are more or fewer landmark sets than boxes, or landmarks came through a
            pipeline that nobody checked.
    """

    mapping_table = {  # noqa: RUF012 - MMDetection's class attribute
        **MMDetPackDetInputs.mapping_table,
        "gt_keypoints": "keypoints",
    }

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack ``results`` into ``inputs`` and ``data_samples``."""
        if LEFT_DATASET in results:
            raise ValueError(
                "the landmarks came through a pipeline outside of their dataset, which may have "
                "left them behind: write type='mmeiou.MultiImageMixDataset', which checks it"
            )
        if "gt_keypoints" in results:
            boxes, keypoints = len(results["gt_bboxes"]), len(results["gt_keypoints"])
            if boxes != keypoints:
                raise ValueError(
                    f"{boxes} boxes but landmarks of {keypoints} faces: a transform of the "
                    "pipeline drops faces without their landmarks; use the one of the same name "
                    "with the prefix 'mmeiou.'"
                )
        packed = super().transform({key: value for key, value in results.items() if key != "img"})
        if "img" in results:
            packed["inputs"] = channels_first(results["img"])
        return packed


def channels_first(img: NDArray[Any]) -> Tensor:
    """``(channels, height, width)`` view of an image, (height, width[, channels])."""
    pixels = torch.from_numpy(np.ascontiguousarray(img))
    return pixels[None] if pixels.ndim == GREY else pixels.permute(2, 0, 1)
