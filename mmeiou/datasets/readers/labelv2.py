"""The ``labelv2`` format of libfacedetection.train.

``# path width height``, then for each face ``x1 y1 x2 y2`` and K times ``x y v``, or the four
numbers alone. A point of three -1 is not labelled.
"""

import re
from pathlib import Path

import numpy as np

from mmeiou.datasets.readers.assemble import assemble
from mmeiou.datasets.readers.face_label import BadBox, FaceLabel, KeypointWeight, LabelError
from mmeiou.datasets.readers.landmarks import read_landmarks
from mmeiou.datasets.readers.sections import split_sections

SIZED_HEADER = re.compile(r"(.*\S)\s+([1-9][0-9]*)\s+([1-9][0-9]*)")


def read_labelv2(
    file: Path,
    text: str,
    num_keypoints: int | None = None,
    keypoint_weight: KeypointWeight = "labelled",
    on_bad_box: BadBox = "error",
) -> list[FaceLabel]:
    """Read labelv2; see :func:`mmeiou.datasets.readers.read_face_labels`."""
    sections = split_sections(file, text)
    images, sizes = [], []
    for header, line in zip(sections.headers, sections.header_lines, strict=True):
        image, size = parse_header(header)
        if size is None:
            raise LabelError(file, line, f"expected '# path width height', found '# {header}'")
        images.append(image)
        sizes.append(size)
    rows = sections.rows(file)
    keypoints = read_landmarks(rows, num_keypoints, extra=0, weight=keypoint_weight)
    return assemble(
        rows,
        images,
        sizes,
        sections.owners,
        rows.columns(0, 4),
        keypoints,
        np.zeros(len(rows), dtype=np.bool_),
        on_bad_box,
    )


def parse_header(header: str) -> tuple[str, tuple[int, int] | None]:
    """Path and ``(width, height)`` of an image line; None where it does not end in two sizes."""
    match = SIZED_HEADER.fullmatch(header)
    if match is None:
        return header, None
    image, width, height = match.groups()
    return image, (int(width), int(height))
