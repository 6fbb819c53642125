"""Average precision by the WIDER FACE protocol, for a whole set at once.

The protocol is that of the benchmark's own evaluation code (Yang et al., "WIDER FACE: A Face
Detection Benchmark", CVPR 2016) in its customary Python port:

- Scores are min-max normalised over the whole set of detections.
- The detections of an image go in score order, each to the face it overlaps most. IoU counts both
  end pixels: a box from x1 to x2 is x2 - x1 + 1 wide.
- Below the IoU threshold a detection is a false positive. A face recalled by an earlier detection
  makes it one too. If its face is ignored (outside the subset) it counts neither way.
- Precision and recall are read at the thresholds 0.999, 0.998, ..., 0; AP is the area under the
  monotone envelope of precision over recall.

Everything but the IoU is one pass over the set: a face is recalled by the first detection in score
order that goes to it, whatever the subset, so the subsets share matching and order, and a sum over
images of counts above a threshold is a count over the set.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

NUM_THRESHOLDS = 1000
# IoU is computed for this many pairs at a time: crowds of hundreds of faces stay in the cache.
_MAX_PAIRS = 1 << 14


@dataclass(frozen=True)
class WIDERProtocol:
    """What the protocol leaves to choose.

    Args:
        iou_thr: Smallest IoU at which a detection has found its face, in (0, 1].
        skip_faceless: Leave out the false positives on images without any labelled face, as the
            customary code does. Their scores still take part in the normalisation.

    Raises:
        ValueError: If ``iou_thr`` is outside (0, 1].
    """

    iou_thr: float = 0.5
    skip_faceless: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.iou_thr <= 1:
            raise ValueError(f"iou_thr must be in (0, 1], got {self.iou_thr}")

    def __str__(self) -> str:
        return (
            f"IoU >= {self.iou_thr:g} with the +1 pixel convention, scores min-max normalised over "
            f"the whole set, {NUM_THRESHOLDS} thresholds, false positives on images without faces "
            f"{'left out' if self.skip_faceless else 'counted'}"
        )


@dataclass(frozen=True, eq=False)
class FaceImage:
    """Detections and labelled faces of one image; boxes are x1 y1 x2 y2 in pixels.

    Args:
        boxes: Detected boxes, (n, 4).
        scores: Their scores, (n,), in any order and range.
        faces: Labelled boxes, (m, 4).
        kept: For each of S subsets the faces that belong to it, (S, m); the others are ignored.

    Raises:
        ValueError: If the shapes do not fit together, or a number is not finite.
    """

    boxes: Floats
    scores: Floats
    faces: Floats
    kept: Bools

    def __post_init__(self) -> None:
        n, m, subsets = len(self.scores), len(self.faces), len(self.kept)
        expected = ((n, 4), (n,), (m, 4), (subsets, m))
        shapes = tuple(a.shape for a in (self.boxes, self.scores, self.faces, self.kept))
        if shapes != expected:
            raise ValueError(
                "boxes, scores, faces, kept must have the shapes (n, 4), (n,), (m, 4), (S, m), "
                f"got {', '.join(map(str, shapes))}"
            )
        if not all(np.isfinite(part).all() for part in (self.boxes, self.scores, self.faces)):
            raise ValueError("boxes, scores and faces must be finite")


def best_faces(boxes: Floats, faces: Floats, iou_thr: float) -> Ints:
    """Find the face that each box overlaps most.

    Args:
        boxes: (n, 4), x1 y1 x2 y2.
        faces: (m, 4), x1 y1 x2 y2.
        iou_thr: Smallest IoU, +1 pixel convention, that makes a match.

    Returns:
        (n,) index of the face, the first one of equals, or -1 for a box that matches none.
    """
    best = np.full(len(boxes), -1, dtype=np.intp)
    if not len(faces):
        return best
    step = max(1, _MAX_PAIRS // len(faces))
    for start in range(0, len(boxes), step):
        block = slice(start, start + step)
        iou = _pixel_iou(boxes[block], faces)
        top = iou.argmax(axis=1)
        found = iou[np.arange(len(top)), top] >= iou_thr
        best[block] = np.where(found, top, -1)
    return best


def _pixel_iou(boxes: Floats, faces: Floats) -> Floats:
    """IoU of every box with every face, (n, m), both end pixels counted."""
    x1, y1, x2, y2 = boxes.T[:, :, None]
    fx1, fy1, fx2, fy2 = faces.T[:, None, :]
    width = np.maximum(np.minimum(x2, fx2) - np.maximum(x1, fx1) + 1, 0)
    height = np.maximum(np.minimum(y2, fy2) - np.maximum(y1, fy1) + 1, 0)
    overlap = width * height
    areas = (x2 - x1 + 1) * (y2 - y1 + 1)
    face_areas = (fx2 - fx1 + 1) * (fy2 - fy1 + 1)
    union = areas + face_areas - overlap
    # Where boxes overlap both areas are positive; elsewhere an inverted box could make union 0.
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=overlap > 0)


def wider_pr_curves(
    images: Sequence[FaceImage], protocol: WIDERProtocol | None = None
) -> tuple[Floats, Floats]:
    """Compute recall and precision at every threshold for each subset.

    Args:
        images: The set; every image has the same number S of subsets.
        protocol: Defaults to ``WIDERProtocol()``.

    Returns:
        Recall and precision, each (S, 1000), at falling thresholds. Precision is 0 where nothing
        is proposed yet. Recall is NaN for a subset without faces.

    Raises:
        ValueError: If there are no images, or their numbers of subsets differ.
    """
    if len({len(image.kept) for image in images}) != 1:
        raise ValueError("need at least one image, and the same subsets for all images")
    protocol = protocol or WIDERProtocol()
    matched, counted = _match_set(images, protocol)
    scores = np.concatenate([image.scores for image in images])
    kept = np.concatenate([image.kept for image in images], axis=1)

    order = np.argsort(-scores, kind="stable")
    matched, counted = matched[order], counted[order]
    threshold = _first_threshold(scores[order])
    first_of_face = np.zeros(len(matched), dtype=bool)
    faces, first = np.unique(matched, return_index=True)
    first_of_face[first[faces >= 0]] = True

    # One more column, reached by index -1: a detection without a face is never ignored.
    valid = np.pad(kept, ((0, 0), (0, 1)), constant_values=True)[:, matched]
    proposed = np.stack([_count(threshold[row & counted]) for row in valid])
    recalled = np.stack([_count(threshold[row & first_of_face]) for row in valid])
    num_faces = kept.sum(axis=1, keepdims=True)
    recall = np.where(num_faces > 0, recalled / np.maximum(num_faces, 1), np.nan)
    return recall, recalled / np.maximum(proposed, 1)


def _match_set(images: Sequence[FaceImage], protocol: WIDERProtocol) -> tuple[Ints, Bools]:
    """Match all detections: index of the face within the set or -1; whether they count at all."""
    matched, counted = [], []
    offset = 0
    for image in images:
        best = best_faces(image.boxes, image.faces, protocol.iou_thr)
        matched.append(np.where(best < 0, -1, best + offset))
        counted.append(np.full(len(best), len(image.faces) > 0 or not protocol.skip_faceless))
        offset += len(image.faces)
    return np.concatenate(matched), np.concatenate(counted)


def _first_threshold(scores: Floats) -> Ints:
    """Index of the highest threshold that each of the scores (raw, falling) reaches."""
    if not len(scores):
        return np.zeros(0, dtype=np.intp)
    spread = scores[0] - scores[-1]
    normalised = (scores - scores[-1]) / spread if spread else np.ones_like(scores)
    rising = (1 - np.arange(1, NUM_THRESHOLDS + 1) / NUM_THRESHOLDS)[::-1]
    return NUM_THRESHOLDS - np.searchsorted(rising, normalised, side="right")


def _count(threshold: Ints) -> Ints:
    """Detections at or above each threshold, (1000,)."""
    return np.bincount(threshold, minlength=NUM_THRESHOLDS).cumsum()


def interpolated_ap(recall: Floats, precision: Floats) -> float:
    """Area under the monotone precision envelope, ``sum_i (r_i - r_{i-1}) max_{j>=i} p_j``.

    Args:
        recall: (t,) rising, from 0 to at most 1.
        precision: (t,) precision at the same thresholds; it is 0 beyond the last recall.

    Returns:
        AP in [0, 1]; NaN if the recall is NaN.
    """
    steps = np.diff(recall, prepend=0.0)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(steps @ envelope)


def wider_ap(images: Sequence[FaceImage], protocol: WIDERProtocol | None = None) -> list[float]:
    """Average precision of a set of images by the WIDER FACE protocol.

    Args:
        images: The set; every image has the same number S of subsets.
        protocol: Defaults to ``WIDERProtocol()``.

    Returns:
        S values in [0, 1]; NaN for a subset without faces.

    Raises:
        ValueError: If there are no images, or their numbers of subsets differ.

    Examples:
        >>> face = np.array([[10.0, 10.0, 19.0, 19.0]])
        >>> boxes = np.concatenate([face + 50, face])
        >>> everything = np.ones((1, 1), dtype=bool)
        >>> wider_ap([FaceImage(boxes, np.array([0.9, 0.8]), face, everything)])
        [0.5]
    """
    return [interpolated_ap(r, p) for r, p in zip(*wider_pr_curves(images, protocol), strict=True)]
