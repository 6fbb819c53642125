"""The ``label.txt`` of RetinaFace's WIDER FACE landmarks.

``# path``, then for each face ``x y w h``, five times ``x y v`` and a blur score, or ``x y w h``
alone (validation). A point of three -1 is not labelled.
"""

from mmeiou.labels.face_text import (
    KeypointWeight,
    corners,
    face_set,
    read_keypoints,
    split_sections,
)
from mmeiou.labels.records import LabelSet
from mmeiou.labels.source import Source


def read(
    source: Source,
    num_keypoints: int | None = None,
    keypoint_weight: KeypointWeight = "labelled",
) -> LabelSet:
    """Read label.txt; the options are those of :func:`mmeiou.labels.face_text.read_keypoints`."""
    sections = split_sections(source.labels)
    rows = sections.rows()
    keypoints = read_keypoints(rows, num_keypoints, extra=1, weight=keypoint_weight)
    images = [(header, None) for header in sections.headers]
    return face_set(source, sections, images, rows, corners(rows.columns(0, 4)), keypoints)
