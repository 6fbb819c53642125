"""The .pts files of 300-W: a file an image, 68 points of a face, no box.

::

    version: 1
    n_points: 68
    {
    30.5 41.25
    ...
    }

The 68 (Gross et al., "Multi-PIE", IVC 28, 2010), counted from 0, become the usual five: an eye is
the mean of the six points around it, 36 to 41 of the person's right and 42 to 47 of the left one;
the nose is its tip, 30; the corners of the mouth are 48 and 54. The box is that of the 68 points,
without the forehead. The image has the name of the file. 300-W's own files count pixels from 1, as
its page says (https://ibug.doc.ic.ac.uk/resources/300-W/); what other tools write may not.
"""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from mmeiou.labels.errors import LabelError, at, placing, shown
from mmeiou.labels.image_files import IMAGE_SUFFIXES, is_file
from mmeiou.labels.landmarks import FACE_LANDMARKS
from mmeiou.labels.named_boxes import NamedBox, NamedImage, Point, number_boxes
from mmeiou.labels.records import Floats, LabelSet
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_lines
from mmeiou.labels.values import written_number

NUM_POINTS = 68
CLASS = "face"
# Of the 68, those whose mean is each of FACE_LANDMARKS.
MEMBERS = (range(36, 42), range(42, 48), (30,), (48,), (54,))


def read(source: Source, *, one_based: bool = False) -> LabelSet:
    """Read a folder of .pts files.

    Args:
        source: Labels and images; an image is looked for by the name of its file, in the folder of
            ``images`` where the file is in that of ``labels``.
        one_based: The pixel on the upper left is (1, 1), as in 300-W's own files.

    Raises:
        LabelError: Listing what cannot be read, by file and line.
    """
    images = []
    for file in tqdm(source.label_files(".pts"), desc="pts", unit="file"):
        with source.problems.noting(at(file)):
            written = _image_file(file, source)
            if not source.wants(written):
                continue
            image = NamedImage(written, source.size(written, at(file)), at(file))
            image.boxes.append(_box(_points(file) - one_based, file))
            images.append(image)
    return number_boxes(source, images, landmarks=FACE_LANDMARKS)


def _image_file(file: Path, source: Source) -> str:
    folder = file.parent.relative_to(source.labels if source.labels.is_dir() else file.parent)
    written = file.stem
    if source.images is not None:
        names = [file.stem + suffix for suffix in IMAGE_SUFFIXES]
        there = source.images / folder
        written = next((name for name in names if is_file(there / name)), written)
    return source.image_file(written, "the file's name", folder.as_posix())


def _points(file: Path) -> Floats:
    """(68, 2) x y as written."""
    lines = read_lines(file)
    texts = [text for _, text in lines]
    if texts.count("{") != 1 or texts[-1] != "}":
        raise LabelError("not of 300-W: expected points, one a line, between { and }", at(file))
    rows = lines[texts.index("{") + 1 : -1]
    if len(rows) != NUM_POINTS:
        raise LabelError(f"{len(rows)} points, expected {NUM_POINTS}", at(file))
    return np.array([_point(text, at(file, line)) for line, text in rows])


def _point(text: str, where: str) -> list[float]:
    words = text.split()
    with placing(where):
        if len(words) != 2:  # noqa: PLR2004 - x and y
            raise LabelError(f"{shown(text)}, expected x and y")
        return [written_number(word, key) for word, key in zip(words, "xy", strict=True)]


def _box(points: Floats, file: Path) -> NamedBox:
    means = (points[list(members)].mean(axis=0).tolist() for members in MEMBERS)
    named = {name: Point(x, y) for name, (x, y) in zip(FACE_LANDMARKS, means, strict=True)}
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return NamedBox(at(file), CLASS, (x1, y1, x2, y2), named)
