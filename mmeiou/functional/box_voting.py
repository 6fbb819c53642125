"""Box voting: the detections of one object, in several views of an image, averaged."""

import torch
from torch import Tensor

from mmeiou.functional.boxes import box_iou


def box_voting(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    values: Tensor,
    kept: Tensor,
    *,
    iou_threshold: float,
    num_views: int,
) -> tuple[Tensor, Tensor]:
    """Average all detections of each object instead of taking the one of the highest score.

    Every detection votes, by its score, for the kept one of its class that it overlaps most, if by
    ``iou_threshold``. The average of positions is the box voting of Gidaris and Komodakis,
    "Object Detection via a Multi-Region and Semantic Segmentation-Aware CNN Model", ICCV 2015. The
    score ``sum of the voters' scores / num_views``, at most that of the kept one, ranks an object
    lower that some views missed; this is the confidence of the weighted boxes fusion of Solovyev,
    Wang and Gabruseva, Image and Vision Computing 2021.

    Args:
        boxes: ``(n, 4)`` x1 y1 x2 y2 of all views, in the same pixels.
        scores: ``(n,)``, above 0.
        labels: ``(n,)``.
        values: ``(n, m)`` what to average.
        kept: ``(k,)`` indices of the detections that stand for an object each.
        iou_threshold: Least IoU of a voter, that of the suppression.
        num_views: Number of views that detected.

    Returns:
        ``(k, m)`` averages and ``(k,)`` scores.
    """
    overlaps = box_iou(boxes[kept, None], boxes) * (labels[kept, None] == labels)
    overlaps[torch.arange(len(kept)), kept] = 1  # itself, though its area be zero
    choice = overlaps.argmax(dim=0, keepdim=True)
    weights = scores * (overlaps.gather(0, choice) >= iou_threshold)
    votes = torch.zeros_like(overlaps).scatter_(0, choice, weights)
    total = votes.sum(dim=1)
    return votes @ values / total[:, None], torch.minimum(total / num_views, scores[kept])
