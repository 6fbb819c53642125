"""WIDER FACE's validation labels for metrics that know ignored boxes, but no subsets."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mmeiou.labels import LabelSet, read_labels
from mmeiou.labels.checks import usable
from mmeiou.labels.errors import Problems
from mmeiou.labels.image_files import image_key
from mmeiou.labels.landmarks import FACE_LANDMARKS, flip_pairs_by_count


def hard_faces(root: Path) -> LabelSet:
    """The benchmark's own ground truth; faces outside its subset ``hard`` are to be ignored.

    Boxes smaller than a pixel are left out. No face has landmarks, of the five that there are.

    Args:
        root: Of the layout of docs/face_detection.md.
    """
    truth = read_labels(root / "labelv2/val/gt", "wider_mat")
    listed = read_labels(root / "labelv2/val/labelv2.txt").by_key(image_key)
    images = []
    for image in truth.images:
        found = listed[image_key(image.file)]
        keypoints = np.zeros((len(image), len(FACE_LANDMARKS), 3))
        whole = replace(image, file=found.file, size=found.size, keypoints=keypoints, subsets=None)
        images.append(whole.select(usable(whole, Problems(drop_bad_boxes=True), "")))
    pairs = flip_pairs_by_count(len(FACE_LANDMARKS))
    return replace(
        truth, images=images, landmarks=FACE_LANDMARKS, flip_pairs=pairs, subsets=("all",)
    )
