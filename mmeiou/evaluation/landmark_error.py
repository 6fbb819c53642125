"""How far the landmarks of found faces are off, in parts of the face's size.

The normalised mean error (NME) of a face is the mean distance of its K landmarks from the labelled
ones, divided by a length of the face. Three lengths are in use, and their numbers do not compare:
the distance of the outer corners of the eyes (300-W: Sagonas et al., "300 Faces in-the-Wild
Challenge", IMAVIS 47, 2016), that of the eyes themselves, and the square root of the box's area.

Faces are matched first, so that a face that is not found has no error: read every number beside
the share of the faces that were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from mmeiou.functional.boxes import box_iou

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LandmarkImage:
    """The n detections and m labelled faces of an image, in its pixels.

    Attributes:
        bboxes: (n, 4) x1 y1 x2 y2 of the detections.
        scores: (n,).
        keypoints: (n, K, 2) x y.
        gt_bboxes: (m, 4) of the labelled faces.
        gt_keypoints: (m, K, 3) x y and a weight; 0, or below, where the point is not labelled.
        gt_ignore: (m,) faces that are not to be measured.
    """

    bboxes: Floats
    scores: Floats
    keypoints: Floats
    gt_bboxes: Floats
    gt_keypoints: Floats
    gt_ignore: Bools

    def __post_init__(self) -> None:
        n, m, points = len(self.bboxes), len(self.gt_bboxes), self.gt_keypoints.shape[1:2]
        expected = {
            "scores": (n,),
            "keypoints": (n, *points, 2),
            "gt_keypoints": (m, *points, 3),
            "gt_ignore": (m,),
        }
        for name, shape in expected.items():
            if (got := getattr(self, name).shape) != shape:
                raise ValueError(f"{name} of the shape {got}, expected {shape}")


def match_faces(bboxes: Floats, scores: Floats, gt_bboxes: Floats, iou_thr: float = 0.5) -> Ints:
    """Which detection found which face: one to one, the best-scored detection choosing first.

    A detection takes, of the faces that are left, the one that it overlaps most.

    Args:
        bboxes: (n, 4) x1 y1 x2 y2.
        scores: (n,); of equal ones the first chooses first.
        gt_bboxes: (m, 4).
        iou_thr: Least IoU of a match.

    Returns:
        (m,) index of the detection, -1 of a face that is not found.

    >>> faces = np.array([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    >>> match_faces(faces[:1] + 1, np.array([0.9]), faces).tolist()
    [0, -1]
    """
    found = np.full(len(gt_bboxes), -1, dtype=np.intp)
    if not len(gt_bboxes):
        return found
    ious = box_iou(torch.as_tensor(bboxes)[:, None], torch.as_tensor(gt_bboxes)).numpy().copy()
    for index in np.argsort(-scores, kind="stable"):
        face = int(ious[index].argmax())
        if ious[index, face] >= iou_thr:
            found[face] = index
            ious[:, face] = -1
    return found


@dataclass(frozen=True, eq=False)
class NormalisedErrors:
    """Errors of f faces in parts of each one's size; all means are NaN where there is nothing.

    Attributes:
        errors: (f, K), NaN where a point is not labelled.
    """

    errors: Floats

    @property
    def of_faces(self) -> Floats:
        """Mean over the labelled points of each face that has one."""
        labelled = np.isfinite(self.errors)
        count = labelled.sum(axis=1)
        total = np.where(labelled, self.errors, 0).sum(axis=1)
        means: Floats = total[count > 0] / count[count > 0]
        return means

    @property
    def nme(self) -> float:
        """Mean over the faces."""
        return _mean(self.of_faces)

    @property
    def of_points(self) -> list[float]:
        """K means over the faces in which the point is labelled."""
        return [_mean(column[np.isfinite(column)]) for column in self.errors.T]

    def failure_rate(self, threshold: float = 0.1) -> float:
        """Share of the faces whose mean error is above the threshold."""
        return _mean(self.of_faces > threshold)

    def auc(self, threshold: float = 0.1) -> float:
        """Area under the curve of the share of faces against error, up to the threshold.

        In parts of the area of a perfect detector, 1. The curve is a step at each face's error, so
        that the area is the mean of what is left of the threshold, without any integration.
        """
        return _mean(np.clip(1 - self.of_faces / threshold, 0, None))


@dataclass(frozen=True, eq=False)
class LandmarkErrors:
    """Of the f faces that were found, of those with labelled landmarks.

    Attributes:
        pixels: (f, K) distances, NaN where a point is not labelled.
        gt_keypoints: (f, K, 3) of the labelled faces.
        gt_bboxes: (f, 4).
        image: (f,) index of the image of each.
        face: (f,) index of the face among those of its image.
        missed: How many faces with labelled landmarks were not found.
    """

    pixels: Floats
    gt_keypoints: Floats
    gt_bboxes: Floats
    image: Ints
    face: Ints
    missed: int

    @property
    def found(self) -> float:
        """Share of the faces with labelled landmarks that were found; NaN if there are none."""
        total = len(self.pixels) + self.missed
        return len(self.pixels) / total if total else float("nan")

    def by(self, lengths: Floats) -> NormalisedErrors:
        """By a length of each face, (f,); faces where it is not above 0 are left out."""
        usable = lengths > 0  # NaN is not
        return NormalisedErrors(self.pixels[usable] / lengths[usable, None])

    def by_points(self, first: int, second: int) -> NormalisedErrors:
        """By the distance of two labelled points, as of the eyes; faces without are left out."""
        one, other = self.gt_keypoints[:, first], self.gt_keypoints[:, second]
        lengths = np.linalg.norm(one[:, :2] - other[:, :2], axis=1)
        lengths[(one[:, 2] <= 0) | (other[:, 2] <= 0)] = np.nan
        return self.by(lengths)

    def by_box(self) -> NormalisedErrors:
        """By the square root of the labelled box's area."""
        width, height = (self.gt_bboxes[:, 2:] - self.gt_bboxes[:, :2]).clip(min=0).T
        return self.by(np.sqrt(width * height))


def landmark_errors(
    images: Sequence[LandmarkImage], score_thr: float = 0.3, iou_thr: float = 0.5
) -> LandmarkErrors:
    """Match the faces of a set of images, and measure the landmarks of those found.

    Faces to ignore, and those of which no landmark is labelled, are neither found nor missed; a
    detection of one of these takes no other face.

    Args:
        images: At least one.
        score_thr: Least score of a detection that takes part.
        iou_thr: Least IoU of a match.
    """
    pixels, keypoints, bboxes, where = [], [], [], []
    missed = 0
    for index, image in enumerate(images):
        shown = np.flatnonzero(image.scores >= score_thr)
        match = match_faces(image.bboxes[shown], image.scores[shown], image.gt_bboxes, iou_thr)
        labelled = image.gt_keypoints[..., 2] > 0
        measured = ~image.gt_ignore & labelled.any(axis=1)
        missed += int((measured & (match < 0)).sum())
        faces = np.flatnonzero(measured & (match >= 0))
        truth = image.gt_keypoints[faces]
        distance = np.linalg.norm(image.keypoints[shown[match[faces]]] - truth[..., :2], axis=2)
        pixels.append(np.where(labelled[faces], distance, np.nan))
        keypoints.append(truth)
        bboxes.append(image.gt_bboxes[faces])
        where.append(np.stack([np.full(len(faces), index), faces], axis=1))
    places = np.concatenate(where)
    return LandmarkErrors(
        np.concatenate(pixels),
        np.concatenate(keypoints),
        np.concatenate(bboxes),
        places[:, 0],
        places[:, 1],
        missed,
    )


def _mean(values: NDArray[np.generic]) -> float:
    return float(values.mean()) if len(values) else float("nan")
