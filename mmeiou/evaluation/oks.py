"""Object keypoint similarity, and the average precision by it, of any number of keypoints.

Both are COCO's (https://cocodataset.org/#keypoints-eval) with the area of the box in place of that
of the person's mask, which faces do not have.
"""

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from mmdet.datasets.api_wrappers import COCO, COCOeval

from mmeiou.evaluation.landmark_error import Floats, LandmarkImage

# A point that is off by a tenth of the box's side, sqrt(w * h), has the similarity
# exp(-1/2) = 0.61.
# COCO's own sigmas of eyes and nose, 0.025, are parts of the size of a whole person.
FACE_SIGMA = 0.05


def oks(keypoints: Floats, gt_keypoints: Floats, gt_bboxes: Floats, sigmas: Floats) -> Floats:
    """Similarity (n, m) of n predicted sets of K keypoints to m labelled ones, in [0, 1].

    The mean over the labelled keypoints of ``exp(-d^2 / (2 * area * (2 * sigma)^2))``, d being the
    distance. Where none is labelled it is, as in pycocotools, the distance of every predicted point
    from the box enlarged by its own size on each side.

    Args:
        keypoints: (n, K, 2) x y in pixels.
        gt_keypoints: (m, K, 3) x y and a weight; 0, or below, where the point is not labelled.
        gt_bboxes: (m, 4) x1 y1 x2 y2.
        sigmas: (K,) COCO's constants, in parts of the square root of the area.
    """
    labelled = gt_keypoints[..., 2] > 0
    offset = keypoints[:, None] - gt_keypoints[None, ..., :2]
    low, high = gt_bboxes[:, None, :2], gt_bboxes[:, None, 2:]
    size = high - low
    points = keypoints[:, None]
    beyond = (low - size - points).clip(min=0) + (points - high - size).clip(min=0)
    some = labelled.sum(axis=1)[:, None] > 0
    squared = (np.where(some[..., None], offset, beyond) ** 2).sum(axis=-1)
    area = size.prod(axis=-1) + np.spacing(1)  # (m, 1)
    similarity = np.exp(-squared / (2 * area * (2 * sigmas) ** 2))
    counted = labelled | ~some
    mean: Floats = (similarity * counted).sum(axis=-1) / counted.sum(axis=-1)
    return mean


def oks_ap(images: Sequence[LandmarkImage], sigmas: Floats) -> float:
    """COCO's AP, the mean over OKS of 0.50, 0.55 to 0.95; NaN without a face to be found.

    Faces to ignore, and those without a labelled keypoint, are neither found nor missed. All
    detections of an image take part.

    Args:
        images: Detections and labels.
        sigmas: (K,) see :func:`oks`.
    """
    truths, found = _annotations(images), _detections(images)
    if all(one["iscrowd"] or not one["num_keypoints"] for one in truths):
        return float("nan")
    if not found:
        return 0.0
    with redirect_stdout(StringIO()):  # pycocotools prints its progress
        truth = COCO()
        truth.dataset = {
            "images": [{"id": index} for index in range(len(images))],
            "categories": [{"id": 1}],
            "annotations": truths,
        }
        truth.createIndex()
        detected = COCO()
        detected.dataset = {**truth.dataset, "annotations": found}
        detected.createIndex()
        evaluation = _OksEval(truth, detected, sigmas)
        evaluation.params.maxDets = [max(len(image.scores) for image in images)]
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"][:, :, 0, 0, 0]  # of the class, of all sizes
    return float(precision.mean())


class _OksEval(COCOeval):
    """pycocotools' protocol with :func:`oks`; its own loop of Python is slow in a crowd."""

    def __init__(self, truth: COCO, detected: COCO, sigmas: Floats) -> None:
        super().__init__(truth, detected, "keypoints")
        self.params.kpt_oks_sigmas = sigmas
        self.params.areaRng, self.params.areaRngLbl = [[0, np.inf]], ["all"]

    def computeOks(self, imgId: int, catId: int) -> Any:  # noqa: N802, N803 - pycocotools' names
        truths, found = self._gts[imgId, catId], self._dts[imgId, catId]
        if not truths or not found:
            return []
        order = np.argsort([-one["score"] for one in found], kind="mergesort")
        return oks(
            np.array([found[index]["xy"] for index in order]),
            np.array([one["xyv"] for one in truths]),
            np.array([one["corners"] for one in truths]),
            self.params.kpt_oks_sigmas,
        )


def _annotations(images: Sequence[LandmarkImage]) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    for index, image in enumerate(images):
        labelled = (image.gt_keypoints[..., 2] > 0).sum(axis=1)
        for corners, points, count, ignore in zip(
            image.gt_bboxes, image.gt_keypoints, labelled, image.gt_ignore, strict=True
        ):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": index,
                    "category_id": 1,
                    "area": float((corners[2:] - corners[:2]).prod()),
                    "iscrowd": int(ignore),  # what pycocotools lets any number of detections find
                    "num_keypoints": int(count),
                    "corners": corners,
                    "xyv": points,
                }
            )
    return annotations


def _detections(images: Sequence[LandmarkImage]) -> list[dict[str, Any]]:
    detections: list[dict[str, Any]] = []
    for index, image in enumerate(images):
        for score, points in zip(image.scores, image.keypoints, strict=True):
            detections.append(
                {
                    "id": len(detections) + 1,
                    "image_id": index,
                    "category_id": 1,
                    "area": 1.0,  # of no use where all sizes are one
                    "score": float(score),
                    "xy": points,
                }
            )
    return detections
