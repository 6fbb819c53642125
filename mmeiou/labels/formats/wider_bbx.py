"""WIDER FACE's own ``wider_face_*_bbx_gt.txt``.

A path line, a count line, and ``count`` lines
``x y w h blur expression illumination invalid occlusion pose``; an image with count 0 has one line
of zeros. Invalid faces are to be ignored.
"""

from pathlib import Path

import numpy as np

from mmeiou.labels.errors import LabelError, at
from mmeiou.labels.face_text import Sections, corners, face_set
from mmeiou.labels.records import LabelSet
from mmeiou.labels.rows import is_number
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_lines

NUM_COLUMNS = 10
INVALID = 7

Numbered = list[tuple[int, str]]


def read(source: Source, num_keypoints: int | None = None) -> LabelSet:
    """Read WIDER's own labels.

    The format has no landmarks: every face gets ``num_keypoints`` points that are not labelled.
    Boxes of no use are counted unless ``source.problems`` says that they are to be refused.
    """
    sections = _split(source.labels)
    rows = sections.rows()
    rows.require_widths((NUM_COLUMNS,), f"{NUM_COLUMNS} (box and six attributes)")
    return face_set(
        source,
        sections,
        [(header, None) for header in sections.headers],
        rows,
        corners(rows.columns(0, 4)),
        np.zeros((len(rows), num_keypoints or 0, 3)),
        rows.flags(INVALID, "invalid"),
        drops_bad_boxes=True,
    )


def looks_like(lines: Numbered) -> bool:
    """Whether a text begins as the format does."""
    return len(lines) > 1 and not _is_face(lines[0][1]) and lines[1][1].isdecimal()


def _split(file: Path) -> Sections:
    numbered = read_lines(file)
    sections = Sections(file)
    position = 0
    while position < len(numbered):
        number, image = numbered[position]
        if _is_face(image):
            owner = f" of {sections.headers[-1]}" if sections.headers else ""
            problem = f"expected an image path, found more faces than the count{owner}"
            raise LabelError(problem, at(file, number))
        sections.add_image(image, number)
        count = _count(file, numbered, position + 1)
        position += 2
        fewer = f"fewer than the {count} faces announced for {image}"
        faces = numbered[position : position + count]
        for line, face in faces:
            if not _is_face(face):
                raise LabelError(fewer, at(file, line))
            sections.add_face(face, line)
        if len(faces) < count:
            raise LabelError(fewer, at(file, number))
        position += count
        if count == 0 and position < len(numbered) and set(numbered[position][1].split()) == {"0"}:
            position += 1
    return sections


def _count(file: Path, numbered: Numbered, position: int) -> int:
    if position == len(numbered):
        problem = "image path without a count of faces after it"
        raise LabelError(problem, at(file, numbered[-1][0]))
    number, count = numbered[position]
    if not count.isdecimal() or not is_number(count):
        raise LabelError(f"expected the number of faces, found {count[:60]!r}", at(file, number))
    return int(count)


def _is_face(line: str) -> bool:
    """Whether a line is a face rather than an image path: most of its words are numbers."""
    words = line.split()
    return 2 * sum(map(is_number, words)) > len(words)
