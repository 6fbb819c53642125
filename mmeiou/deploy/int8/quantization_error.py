"""How far a quantized detector is from the float one, without labels."""

from collections.abc import Sequence

from mmeiou.apis.candidates import Candidates
from mmeiou.functional.boxes import box_area, intersection


def quantization_error(reference: Sequence[Candidates], other: Sequence[Candidates]) -> float:
    r"""Share of the reference's scores that is misplaced, in size or in space.

    .. math:: \frac{\sum_i |s_i - s'_i| + s_i (1 - \mathrm{IoU}(b_i, b'_i))}{\sum_i s_i}

    over all priors i of all images; a measure of our own. 0 for equal proposals.

    Args:
        reference: Proposals of all priors, in their order, for each image.
        other: The same, of another model.
    """
    wrong = total = 0.0
    for ours, theirs in zip(reference, other, strict=True):
        common = intersection(ours.boxes, theirs.boxes)
        iou = common / (box_area(ours.boxes) + box_area(theirs.boxes) - common)
        wrong += float(((ours.scores - theirs.scores).abs() + ours.scores * (1 - iou)).sum())
        total += float(ours.scores.sum())
    return wrong / total


def landmark_error(reference: Sequence[Candidates], other: Sequence[Candidates]) -> float:
    r"""How far the landmarks of a face move, as a share of its size: a normalized mean error.

    .. math:: \frac{\sum_i s_i \frac{1}{K} \sum_k |p_{ik} - p'_{ik}| / \sqrt{|b_i|}}{\sum_i s_i}

    over all priors i of all images, each with its score in the reference and its box's area there.
    0 for equal proposals, and where there are no landmarks.

    Args:
        reference: Proposals of all priors, in their order, for each image.
        other: The same, of another model.
    """
    moved = total = 0.0
    for ours, theirs in zip(reference, other, strict=True):
        if not ours.landmarks.size(1):
            continue
        distance = (ours.landmarks - theirs.landmarks).norm(dim=-1).mean(dim=1)
        moved += float((ours.scores * distance / box_area(ours.boxes).sqrt()).sum())
        total += float(ours.scores.sum())
    return moved / total if total else 0.0
