"""WIDER FACE's own ``wider_face_*_bbx_gt.txt``.

A path line, a count line, and ``count`` lines
``x y w h blur expression illumination invalid occlusion pose``; an image with count 0 has one line
of zeros.
"""

from pathlib import Path

import numpy as np

from mmeiou.datasets.readers.assemble import assemble
from mmeiou.datasets.readers.face_label import BadBox, FaceLabel, LabelError
from mmeiou.datasets.readers.rows import is_finite_number
from mmeiou.datasets.readers.sections import Sections

NUM_COLUMNS = 10
INVALID = 7


def read_wider_bbx(
    file: Path, text: str, num_keypoints: int | None = None, on_bad_box: BadBox = "drop"
) -> list[FaceLabel]:
    """Read WIDER's own labels; see :func:`mmeiou.datasets.readers.read_face_labels`.

    The format has no landmarks: every face gets ``num_keypoints`` points of weight 0.
    """
    sections = _split(file, text)
    rows = sections.rows(file)
    rows.require_widths((NUM_COLUMNS,), f"{NUM_COLUMNS} (box and six attributes)")
    boxes = rows.columns(0, 4)
    boxes[:, 2:] += boxes[:, :2]
    return assemble(
        rows,
        sections.headers,
        [None] * len(sections.headers),
        sections.owners,
        boxes,
        np.zeros((len(rows), num_keypoints or 0, 3), dtype=np.float32),
        rows.columns(INVALID, 1)[:, 0] != 0,
        on_bad_box,
    )


def _split(file: Path, text: str) -> Sections:
    numbered = [(n, raw.strip()) for n, raw in enumerate(text.split("\n"), start=1) if raw.strip()]
    sections = Sections()
    position = 0
    while position < len(numbered):
        number, image = numbered[position]
        if is_face(image):
            owner = f" of {sections.headers[-1]}" if sections.headers else ""
            raise LabelError(
                file, number, f"expected an image path, found more faces than the count{owner}"
            )
        sections.add_image(image, number)
        count = _count(file, numbered, position + 1)
        position += 2
        faces = numbered[position : position + count]
        for line, face in faces:
            if not is_face(face):
                raise LabelError(file, line, f"fewer than the {count} faces announced for {image}")
            sections.add_face(face, line)
        if len(faces) < count:
            raise LabelError(file, number, f"fewer than the {count} faces announced for {image}")
        position += count
        if count == 0 and position < len(numbered) and set(numbered[position][1].split()) == {"0"}:
            position += 1
    return sections


def _count(file: Path, numbered: list[tuple[int, str]], position: int) -> int:
    if position == len(numbered):
        raise LabelError(file, numbered[-1][0], "image path without a count of faces after it")
    number, count = numbered[position]
    if not count.isdecimal():
        raise LabelError(file, number, f"expected the number of faces, found {count!r}")
    return int(count)


def is_face(line: str) -> bool:
    """Whether a line is a face rather than an image path: most of its words are numbers."""
    words = line.split()
    return 2 * sum(map(is_finite_number, words)) > len(words)
