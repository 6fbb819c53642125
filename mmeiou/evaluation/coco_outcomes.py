"""What pycocotools made of the detections of each class, and their overlaps by its own measure."""

from copy import copy
from typing import Any

import numpy as np

from mmeiou.evaluation.image_overlaps import ImageOverlaps, on_ignored
from mmeiou.evaluation.outcomes import Floats, Outcomes


def class_outcomes(evaluation: Any, iou_thr: float) -> list[Outcomes]:
    """Outcomes of objects of all sizes, as pycocotools matched them.

    Args:
        evaluation: A ``COCOeval`` after ``evaluate()``, its first range of areas that of all sizes.
        iou_thr: One of its thresholds.

    Returns:
        One for each of its ``params.catIds``, which pycocotools sorts. Crowds, and what it matched
        with them, are left out.

    Raises:
        ValueError: If it has no such threshold.
    """
    params = evaluation.params
    (thresholds,) = np.nonzero(np.isclose(params.iouThrs, iou_thr))
    if len(thresholds) != 1:
        raise ValueError(f"evaluated at the thresholds {params.iouThrs}, not at {iou_thr}")
    per_image = np.array(evaluation.evalImgs, dtype=object).reshape(
        len(params.catIds), len(params.areaRng), len(params.imgIds)
    )
    return [
        _merge(evaluation, [one for one in images if one is not None], int(thresholds[0]))
        for images in per_image[:, 0]
    ]


def _merge(evaluation: Any, images: list[dict[str, Any]], threshold: int) -> Outcomes:
    scores, ious, true, num_truths = [np.zeros(0)], [np.zeros(0)], [np.zeros(0, dtype=bool)], 0
    for one in images:
        num_truths += int((np.asarray(one["gtIgnore"]) == 0).sum())
        counted = ~one["dtIgnore"][threshold].astype(bool)
        matched = one["dtMatches"][threshold].astype(int)
        scores.append(np.asarray(one["dtScores"], dtype=float)[counted])
        ious.append(_matched_ious(evaluation, one, matched)[counted])
        true.append(matched[counted] > 0)
    everything = np.concatenate(scores)
    order = np.argsort(-everything, kind="stable")
    return Outcomes(
        everything[order], np.concatenate(ious)[order], np.concatenate(true)[order], num_truths
    )


def _matched_ious(evaluation: Any, one: dict[str, Any], matched: Any) -> Floats:
    """(n,) IoU of each detection with the object of the id ``matched``; 0 where that is 0."""
    # (n, m) in the order of the scores and of the annotations, not of the dict's gtIds.
    ious = evaluation.ious[one["image_id"], one["category_id"]]
    annotations = evaluation.cocoGt.imgToAnns[one["image_id"]]
    own = [item["id"] for item in annotations if item["category_id"] == one["category_id"]]
    column = {number: k for k, number in enumerate(own)}
    return np.array(
        [ious[row, column[number]] if number else 0.0 for row, number in enumerate(matched)]
    )


def image_overlaps(
    evaluation: Any, iou_thr: float, iou_scores: Floats | None = None
) -> list[ImageOverlaps]:
    """Overlaps of boxes or masks in each image, crowds being what is ignored.

    Args:
        evaluation: A ``COCOeval`` after ``evaluate()``. Of each image as many detections take part
            as its ``params.maxDets`` allows, whatever their classes.
        iou_thr: A detection of which a larger part lies in a crowd of its class is excused.
        iou_scores: Predicted IoUs of all detections in the order of their ids, from 1.
    """
    crossed = copy(evaluation)
    crossed.params = copy(evaluation.params)
    crossed.params.useCats = 0  # pycocotools' way to have every detection with every object
    return [_image_overlaps(crossed, image, iou_thr, iou_scores) for image in crossed.params.imgIds]


def _image_overlaps(
    crossed: Any, image: int, iou_thr: float, iou_scores: Floats | None
) -> ImageOverlaps:
    # As pycocotools joins them: by class, then detections by falling score.
    known, found = (
        [
            (label, one)
            for label, category in enumerate(crossed.params.catIds)
            for one in api.imgToAnns[image]
            if one["category_id"] == category
        ]
        for api in (crossed.cocoGt, crossed.cocoDt)
    )
    found = sorted(found, key=lambda row: -row[1]["score"])[: crossed.params.maxDets[-1]]
    ious = np.reshape(crossed.computeIoU(image, None), (len(found), len(known)))
    labels, known_labels = (np.array([row[0] for row in rows], int) for rows in (found, known))
    crowd = np.array([one["iscrowd"] for _, one in known], dtype=bool)
    ids = np.array([one["id"] for _, one in found], dtype=int)
    return ImageOverlaps(
        scores=np.array([one["score"] for _, one in found], dtype=float),
        labels=labels,
        truth_labels=known_labels[~crowd],
        ious=ious[:, ~crowd],
        excused=on_ignored(ious[:, crowd] > iou_thr, labels, known_labels[crowd]),
        iou_scores=None if iou_scores is None else iou_scores[ids - 1],
    )
