"""Average precision of one class by the Pascal VOC protocol, at any number of IoU thresholds.

Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88 (2010), and its
development kit: a detection belongs to the object it overlaps most, whether or not that object is
already found; the first detection of an object counts as found, each further one as false; one
that belongs to a difficult object counts as neither. IoU and area count both end pixels
(width + 1).

So the object a detection belongs to does not depend on the threshold: matching is done once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from mmdet.evaluation.functional import bbox_overlaps
from numpy.typing import NDArray

from mmeiou.evaluation.outcomes import Outcomes
from mmeiou.functional.wider_ap import interpolated_ap

Floats = NDArray[np.float64]
RECALLS = np.arange(11) / 10  # by division, so that a recall of 3/10 reaches its point


@dataclass(frozen=True)
class ClassMatches:
    """Detections of one class in a set of images, highest score first.

    Attributes:
        iou: (n,) IoU of each detection with the object it overlaps most; 0 without objects.
        truth: (n,) index of that object within the set; -1 without objects.
        difficult: (m,) whether an object of the set is difficult, or ignored for its size.
        scores: (n,) scores, falling.
        areas: (n,) areas of the detections.
        truth_areas: (m,) areas of the objects.
        excused: (n,) whether a detection is not false where it finds no object.
    """

    iou: Floats
    truth: NDArray[np.intp]
    difficult: NDArray[np.bool_]
    scores: Floats
    areas: Floats
    truth_areas: Floats
    excused: NDArray[np.bool_]

    @property
    def num_truths(self) -> int:
        """Number of objects to be found."""
        return int((~self.difficult).sum())

    def of_size(self, low: float, high: float) -> "ClassMatches":
        """The same with objects outside ``low <= area < high`` ignored, as by COCO.

        So are detections outside it that find no object: they may be of an ignored one.
        """
        objects_out, found_out = (
            (areas < low) | (areas >= high) for areas in (self.truth_areas, self.areas)
        )
        return replace(
            self, difficult=self.difficult | objects_out, excused=self.excused | found_out
        )


def match_class(
    found: Sequence[Floats], truths: Sequence[Floats], difficult: Sequence[Floats]
) -> ClassMatches:
    """Assign the detections of one class to the objects they overlap most.

    Args:
        found: For each image, (n_i, 5) boxes x1 y1 x2 y2 in pixels with score.
        truths: For each image, (m_i, 4) boxes of the objects to be found.
        difficult: For each image, (d_i, 4) boxes of the difficult objects.

    Raises:
        ValueError: If a box or score of a detection is not finite; numbers the image from 0.
    """
    for number, boxes in enumerate(found):
        if not np.isfinite(boxes).all():
            raise ValueError(f"image {number}: a detection's box or score is not finite")
    ious, owners, flags, areas = [], [], [], []
    offset = 0
    for boxes, easy, hard in zip(found, truths, difficult, strict=True):
        objects = np.concatenate([easy, hard])
        flags.append(np.arange(len(objects)) >= len(easy))
        areas.append(_pixel_areas(objects))
        if len(objects):
            overlaps = bbox_overlaps(boxes[:, :4], objects, use_legacy_coordinate=True)
            ious.append(overlaps.max(axis=1))
            owners.append(overlaps.argmax(axis=1) + offset)
        else:
            ious.append(np.zeros(len(boxes)))
            owners.append(np.full(len(boxes), -1))
        offset += len(objects)
    everything = np.concatenate(found)
    order = np.argsort(-everything[:, 4], kind="stable")
    return ClassMatches(
        iou=np.concatenate(ious)[order],
        truth=np.concatenate(owners)[order],
        difficult=np.concatenate(flags),
        scores=everything[order, 4],
        areas=_pixel_areas(everything[order]),
        truth_areas=np.concatenate(areas),
        excused=np.zeros(len(order), dtype=bool),
    )


def _pixel_areas(boxes: Floats) -> Floats:
    return (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)


def _judge(matches: ClassMatches, iou_thr: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(n,) whether a detection is true, and whether it is ignored; else it is false."""
    hit = matches.iou >= iou_thr
    # One more flag, reached by index -1: a detection without an object.
    of_ignored = np.append(matches.difficult, False)[matches.truth]
    ignored = np.where(hit, of_ignored, matches.excused)
    owners = np.where(hit & ~ignored, matches.truth, -1)
    objects, first = np.unique(owners, return_index=True)
    true = np.zeros(len(hit), dtype=bool)
    true[first[objects >= 0]] = True
    return true, ignored


def outcomes(matches: ClassMatches, iou_thr: float) -> Outcomes:
    """What became of each detection that counts."""
    true, ignored = _judge(matches, iou_thr)
    counted = ~ignored
    return Outcomes(
        matches.scores[counted], matches.iou[counted], true[counted], matches.num_truths
    )


def precision_recall(matches: ClassMatches, iou_thr: float) -> tuple[Floats, Floats]:
    """Precision and recall after each detection.

    Args:
        matches: The class; at least one object is to be found.
        iou_thr: Smallest IoU at which an object is found.

    Returns:
        (n,) precision, 0 as long as nothing counts, and (n,) recall.
    """
    true, ignored = _judge(matches, iou_thr)
    num_true, num_counted = true.cumsum(), (~ignored).cumsum()
    return num_true / np.maximum(num_counted, 1), num_true / matches.num_truths


def average_precisions(matches: ClassMatches, iou_thrs: Sequence[float]) -> tuple[Floats, Floats]:
    """AP at each threshold by both interpolations.

    Args:
        matches: The class.
        iou_thrs: t thresholds.

    Returns:
        (t,) area under the monotone precision envelope (VOC from 2010 on), and (t,) mean over the
        recalls 0, 0.1, ..., 1 of the best precision at that recall or a higher one (VOC 2007).
        NaN if there is no object to be found.
    """
    if not matches.num_truths:
        return np.full(len(iou_thrs), np.nan), np.full(len(iou_thrs), np.nan)
    curves = [precision_recall(matches, iou_thr) for iou_thr in iou_thrs]
    area = [interpolated_ap(recall, precision) for precision, recall in curves]
    points = [
        np.mean([precision[recall >= point].max(initial=0.0) for point in RECALLS])
        for precision, recall in curves
    ]
    return np.array(area), np.array(points)
