"""The ``label.txt`` of RetinaFace's WIDER FACE landmarks.

``# path``, then for each face ``x y w h``, five times ``x y v`` and a blur score, or ``x y w h``
alone (validation). A point of three -1 is not labelled.
"""

from pathlib import Path

import numpy as np

from mmeiou.datasets.readers.assemble import assemble
from mmeiou.datasets.readers.face_label import BadBox, FaceLabel, KeypointWeight
from mmeiou.datasets.readers.landmarks import read_landmarks
from mmeiou.datasets.readers.sections import split_sections


def read_retinaface(
    file: Path,
    text: str,
    num_keypoints: int | None = None,
    keypoint_weight: KeypointWeight = "labelled",
    on_bad_box: BadBox = "error",
) -> list[FaceLabel]:
    """Read RetinaFace's label.txt; see :func:`mmeiou.datasets.readers.read_face_labels`."""
    sections = split_sections(file, text)
    rows = sections.rows(file)
    keypoints = read_landmarks(rows, num_keypoints, extra=1, weight=keypoint_weight)
    boxes = rows.columns(0, 4)
    boxes[:, 2:] += boxes[:, :2]
    return assemble(
        rows,
        sections.headers,
        [None] * len(sections.headers),
        sections.owners,
        boxes,
        keypoints,
        np.zeros(len(rows), dtype=np.bool_),
        on_bad_box,
    )
