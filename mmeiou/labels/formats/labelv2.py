"""The ``labelv2`` format of libfacedetection.train.

``# path width height``, then for each face ``x1 y1 x2 y2`` and K times ``x y v``, or the four
numbers alone. A point of three -1 is not labelled.
"""

from mmeiou.labels.errors import LabelError, at
from mmeiou.labels.face_text import KeypointWeight, face_set, read_keypoints, split_sections
from mmeiou.labels.records import LabelSet, Size
from mmeiou.labels.source import Source
from mmeiou.labels.values import pixels


def read(
    source: Source,
    num_keypoints: int | None = None,
    keypoint_weight: KeypointWeight = "labelled",
) -> LabelSet:
    """Read labelv2; the options are those of :func:`mmeiou.labels.face_text.read_keypoints`."""
    sections = split_sections(source.labels)
    images = [parse_header(header) for header in sections.headers]
    for (_, size), header, line in zip(
        images, sections.headers, sections.header_lines, strict=True
    ):
        if size is None:
            problem = f"expected '# path width height', found '# {header}'"
            raise LabelError(problem, at(source.labels, line))
    rows = sections.rows()
    keypoints = read_keypoints(rows, num_keypoints, extra=0, weight=keypoint_weight)
    return face_set(source, sections, images, rows, rows.columns(0, 4), keypoints)


def parse_header(header: str) -> tuple[str, Size | None]:
    """Path and ``(width, height)`` of an image line; None where it does not end in two sizes."""
    *path, width, height = ["", "", *header.rsplit(maxsplit=2)]
    if not any(path) or not (width.isdecimal() and height.isdecimal()):
        return header, None
    try:
        return path[-1].strip(), (pixels(width, "width"), pixels(height, "height"))
    except ValueError:
        return header, None
