"""What the text formats of faces share: a line for an image, followed by a line for each face."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from mmeiou.labels.errors import LabelError, at
from mmeiou.labels.landmarks import flip_pairs_by_count, landmark_names
from mmeiou.labels.named_boxes import finish, require_known
from mmeiou.labels.records import Bools, Floats, ImageLabels, LabelSet, Size
from mmeiou.labels.rows import Rows
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_lines

BOX_COLUMNS = 4

KeypointWeight = Literal["labelled", "flag"]


@dataclass
class Sections:
    """Image lines and face rows with their line numbers, and the image of each row."""

    file: Path
    headers: list[str] = field(default_factory=list)
    header_lines: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    def add_image(self, header: str, line: int) -> None:
        """Begin the section of an image."""
        self.headers.append(header)
        self.header_lines.append(line)

    def add_face(self, text: str, line: int) -> None:
        """Add a row to the image begun last."""
        self.texts.append(text)
        self.lines.append(line)
        self.owners.append(len(self.headers) - 1)

    def rows(self) -> Rows:
        """The face rows as numbers."""
        return Rows(self.file, self.texts, self.lines)


def split_sections(file: Path) -> Sections:
    """Split a label file at its ``#`` lines; blank lines are passed over.

    Raises:
        LabelError: A face line before the first image line, or an image line without a path.
    """
    sections = Sections(file)
    for number, line in read_lines(file):
        if line.startswith("#"):
            header = line[1:].strip()
            if not header:
                raise LabelError("image line without a path", at(file, number))
            sections.add_image(header, number)
        elif not sections.headers:
            raise LabelError(f"face line before any '# image' line: {line!r}", at(file, number))
        else:
            sections.add_face(line, number)
    return sections


def read_keypoints(
    rows: Rows, num_keypoints: int | None, extra: int, weight: KeypointWeight
) -> Floats:
    """Landmarks of rows that hold a box alone, or a box, K times ``x y v`` and extra columns.

    Args:
        rows: The face rows.
        num_keypoints: K; None takes that of the first row with landmarks; 0 reads over them.
        extra: Number of columns that follow the landmarks.
        weight: ``labelled`` gives weight 1 to every point that is labelled, whatever its flag v, as
            the trainings of the released YuNet did (in RetinaFace's landmarks most points of clear
            faces carry flag 0). ``flag`` takes the flag itself as the weight. A point is not
            labelled if its flag is negative, or 0 at the place 0 0 or -1 -1.

    Returns:
        ``(n, K, 3)``, x y weight; all zero where a point is not labelled.

    Raises:
        LabelError: A row with neither 4 columns nor those of K landmarks.
    """
    with_points = rows.widths > BOX_COLUMNS
    in_file = num_keypoints or _count(rows, with_points, extra)
    if in_file:
        width = BOX_COLUMNS + 3 * in_file + extra
        rows.require_widths((BOX_COLUMNS, width), f"4 (box alone) or {width} ({in_file} landmarks)")
    else:
        rows.require_widths((BOX_COLUMNS,), "4")
    wanted = in_file if num_keypoints is None else num_keypoints
    keypoints = np.zeros((len(rows), wanted, 3))
    if wanted:
        points = rows.columns(BOX_COLUMNS, 3 * wanted, with_points).reshape(-1, wanted, 3)
        flags = points[..., 2]
        nowhere = (points[..., :2] == 0).all(axis=-1) | (points[..., :2] == -1).all(axis=-1)
        labelled = (flags > 0) | ((flags == 0) & ~nowhere)
        points[..., 2] = np.where(labelled, 1 if weight == "labelled" else flags, 0)
        points[points[..., 2] == 0] = 0
        keypoints[with_points] = points
    return keypoints


def _count(rows: Rows, with_points: Bools, extra: int) -> int:
    """K of the first row with landmarks, 0 if no row has any."""
    if not with_points.any():
        return 0
    row = int(with_points.argmax())
    count, rest = divmod(int(rows.widths[row]) - BOX_COLUMNS - extra, 3)
    if rest or count < 1:
        expected = f"4 (box alone) or 4 + 3K{f' + {extra}' if extra else ''} for K landmarks"
        raise rows.error(row, f"{rows.widths[row]} numbers in a face line, expected {expected}")
    return count


def corners(xywh: Floats) -> Floats:
    """x1 y1 x2 y2 of (n, 4) boxes x y w h."""
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def face_set(
    source: Source,
    sections: Sections,
    images: Sequence[tuple[str, Size | None]],
    rows: Rows,
    bboxes: Floats,
    keypoints: Floats,
    ignore: Bools | None = None,
    *,
    drops_bad_boxes: bool = False,
) -> LabelSet:
    """Give every image its faces.

    Args:
        source: Chooses images, and tells their sizes if it knows their folder.
        sections: Of the file.
        images: Path, as the file has it, and width and height, if it has them, of each image.
        rows: The face rows.
        bboxes: ``(n, 4)`` x1 y1 x2 y2 of the rows.
        keypoints: ``(n, K, 3)`` of the rows.
        ignore: ``(n,)`` of the rows; None for none.
        drops_bad_boxes: See :func:`mmeiou.labels.named_boxes.finish`.

    Raises:
        LabelError: Listing what cannot be used, by file and line.
    """
    if not images:
        raise LabelError("no image in it; an empty label file?", str(sections.file))
    flags = np.zeros(len(rows), dtype=np.bool_) if ignore is None else ignore
    cuts = np.searchsorted(sections.owners, np.arange(1, len(images)))
    places = np.split(np.arange(len(rows)), cuts)
    records = []
    for (written, stated), line, faces in zip(images, sections.header_lines, places, strict=True):
        where = at(sections.file, line)
        with source.problems.noting(where):
            file = source.image_file(written, "image line")
            if not source.wants(file):
                continue
            size = source.size(file, where, stated)
            records.append(
                ImageLabels(
                    file,
                    size,
                    bboxes=bboxes[faces],
                    labels=np.zeros(len(faces), dtype=np.int64),
                    ignore=flags[faces],
                    keypoints=keypoints[faces],
                    where=[rows.where(face) for face in faces],
                    where_image=where,
                )
            )
    count = keypoints.shape[1]
    labels = LabelSet(
        sections.file,
        records,
        landmarks=landmark_names(count) if count else (),
        flip_pairs=flip_pairs_by_count(count),
    )
    require_known("class", source.classes, labels.classes, source)
    if source.landmarks not in ((), labels.landmarks):
        problem = f"of its landmarks none can be chosen: {', '.join(labels.landmarks) or 'none'}"
        source.problems.add(str(source.labels), problem)
    return finish(source, labels, drops_bad_boxes=drops_bad_boxes)
