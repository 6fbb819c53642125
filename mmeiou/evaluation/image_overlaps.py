"""Overlaps of all detections of an image with all its objects, those of other classes, too."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from mmdet.evaluation.functional import bbox_overlaps
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ImageOverlaps:
    """One image.

    Attributes:
        scores: (n,) scores of the detections, in any order.
        labels: (n,) their classes, from 0.
        truth_labels: (m,) classes of the objects.
        ious: (n, m) IoU of each with each.
        excused: (n,) whether a detection that finds no object is not false: it lies in a crowd or
            on a difficult object of its class.
        iou_scores: (n,) IoUs that the detector itself predicts; None where it does not.
    """

    scores: Floats
    labels: Ints
    truth_labels: Ints
    ious: Floats
    excused: Bools
    iou_scores: Floats | None = None

    def best_first(self) -> "ImageOverlaps":
        """The same with the detections by falling score."""
        order = np.argsort(-self.scores, kind="stable")
        return ImageOverlaps(
            self.scores[order],
            self.labels[order],
            self.truth_labels,
            self.ious[order],
            self.excused[order],
            None if self.iou_scores is None else self.iou_scores[order],
        )

    def best_ious(self) -> Floats:
        """(n,) IoU of each detection with the best object of its class; 0 if there is none."""
        same = self.labels[:, None] == self.truth_labels
        return np.where(same, self.ious, 0.0).max(axis=1, initial=0.0)


def on_ignored(with_ignored: Bools, labels: Ints, ignored_labels: Ints) -> Bools:
    """(n,) whether a detection overlaps something ignored of its class.

    Args:
        with_ignored: (n, k) whether each overlaps each of k ignored objects enough.
        labels: (n,) classes of the detections.
        ignored_labels: (k,) those of the objects.
    """
    return (with_ignored & (labels[:, None] == ignored_labels)).any(axis=1)


def overlaps(a: Any, b: Any, *, pixel: bool = False) -> Floats:
    """IoUs (n, m) of boxes ``a`` (n, 4) and ``b`` (m, 4), x1 y1 x2 y2.

    ``pixel`` counts both end pixels, as VOC does.
    """
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    return bbox_overlaps(a, b, use_legacy_coordinate=pixel).astype(np.float64)
