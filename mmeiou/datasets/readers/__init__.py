"""Readers of face labels: one file a format, and the one that recognises the format.

Plain Python and numpy, so that tools can use them without a dataset.
"""

from pathlib import Path
from typing import Literal, get_args

from mmeiou.datasets.readers.face_label import BadBox, FaceLabel, KeypointWeight, LabelError
from mmeiou.datasets.readers.labelv2 import parse_header, read_labelv2
from mmeiou.datasets.readers.retinaface import read_retinaface
from mmeiou.datasets.readers.wider_bbx import is_face, read_wider_bbx

__all__ = [
    "FaceLabel",
    "LabelError",
    "LabelFormat",
    "read_face_labels",
    "recognise_format",
]

LabelFormat = Literal["labelv2", "retinaface", "wider"]

FORMATS = (
    "labelv2 ('# path width height', then 'x1 y1 x2 y2' and K times 'x y v'), "
    "retinaface ('# path', then 'x y w h', K times 'x y v' and a blur score), "
    "wider (path, count, then 'x y w h' and six attributes a face)"
)


def read_face_labels(
    path: str | Path,
    format: LabelFormat | Literal["auto"] = "auto",  # noqa: A002 - the field's word
    num_keypoints: int | None = None,
    keypoint_weight: KeypointWeight = "labelled",
    on_bad_box: BadBox | None = None,
) -> list[FaceLabel]:
    """Read the faces of a label file.

    Args:
        path: The label file.
        format: ``labelv2``, ``retinaface``, ``wider``, or ``auto`` to recognise it by content.
        num_keypoints: Landmarks per face. None takes the number that the file has, 0 reads over
            them; a file without landmarks gives points of weight 0.
        keypoint_weight: ``labelled`` gives weight 1 to every point that is labelled, whatever its
            flag, as the trainings of the released YuNet did (in RetinaFace's landmarks most
            points of clear faces carry flag 0). ``flag`` takes the flag itself as the weight.
            A point with a negative flag is not labelled.
        on_bad_box: A face of zero or negative width or height is an ``error``, or is left out
            (``drop``) with one warning that counts them. None means ``drop`` for WIDER's own
            files, which contain some, and ``error`` for the other formats.

    Returns:
        One item per image, in the order of the file, images without faces included.

    Raises:
        LabelError: The file cannot be read; the message names file and line.
        ValueError: An unknown option.
    """
    for name, value, choices in (
        ("format", format, ("auto", *get_args(LabelFormat))),
        ("keypoint_weight", keypoint_weight, get_args(KeypointWeight)),
        ("on_bad_box", on_bad_box, (None, *get_args(BadBox))),
    ):
        if value not in choices:
            raise ValueError(f"{name}={value!r}: expected one of {choices}")
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(path, None, f"not a UTF-8 text file ({error})") from error
    if format == "auto":
        format = recognise_format(path, text)  # noqa: A001 - as above
    if format == "wider":
        return read_wider_bbx(path, text, num_keypoints, on_bad_box or "drop")
    reader = read_labelv2 if format == "labelv2" else read_retinaface
    return reader(path, text, num_keypoints, keypoint_weight, on_bad_box or "error")


def recognise_format(path: Path, text: str) -> LabelFormat:
    """Tell the format of a label file by its content.

    Raises:
        LabelError: It is empty, or fits none of the formats, or more than one.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        raise LabelError(path, None, "empty label file")
    sized = {parse_header(line[1:])[1] is not None for line in lines if line.startswith("#")}
    if sized == {True}:
        return "labelv2"
    if sized == {False}:
        return "retinaface"
    if not sized and not is_face(lines[0]) and len(lines) > 1 and lines[1].isdecimal():
        return "wider"
    problem = "image lines with and without width and height" if sized else "unknown format"
    raise LabelError(path, None, f"{problem}. Name one by label_format=... : {FORMATS}")
