"""Which faces a detector missed, and which of its detections are false."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mmeiou.functional.wider_ap import FaceImage, best_faces

Bools = npt.NDArray[np.bool_]


class FaceErrors(NamedTuple):
    """Of ``n`` detections and ``m`` labelled faces of an image.

    Attributes:
        found: (n,) detections that found a face, the first for it.
        false: (n,) detections that found none, or one found before.
        missed: (m,) faces of the subset that no detection found.

    Detections of a face outside the subset are neither.
    """

    found: Bools
    false: Bools
    missed: Bools


def face_errors(
    image: FaceImage, subset: int = -1, score_thr: float = 0.3, iou_thr: float = 0.5
) -> FaceErrors:
    """Match detections with faces as WIDER's protocol does, at one threshold of the score.

    A detection belongs to the face that it overlaps most; of those that belong to one face the
    best-scored has found it, the others are false. Detections below the threshold are nothing.

    Args:
        image: Detections and faces.
        subset: Row of ``image.kept``, by default the last: the hard one, which holds the others.
        score_thr: Least score.
        iou_thr: Least IoU, +1 pixel convention.
    """
    belongs_to = best_faces(image.boxes, image.faces, iou_thr)
    shown = image.scores >= score_thr
    best_first = np.argsort(-image.scores, kind="stable")
    best_first = best_first[(belongs_to >= 0)[best_first] & shown[best_first]]
    faces, first = np.unique(belongs_to[best_first], return_index=True)
    first_of_face = np.zeros(len(shown), dtype=bool)
    first_of_face[best_first[first]] = True
    kept = image.kept[subset]
    # One more entry, reached by index -1: a detection without a face counts.
    counts = np.append(kept, True)[belongs_to] & shown
    missed = kept.copy()
    missed[faces] = False
    return FaceErrors(counts & first_of_face, counts & ~first_of_face, missed)
