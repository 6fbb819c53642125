"""Labels and detections from whatever file or folder holds them."""

import warnings
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from mmeiou.labels.errors import LabelError
from mmeiou.labels.formats.labelv2 import parse_header
from mmeiou.labels.formats.wider_bbx import looks_like as looks_like_wider
from mmeiou.labels.image_files import list_files
from mmeiou.labels.records import Detections, LabelSet
from mmeiou.labels.source import Source
from mmeiou.labels.text_files import read_lines

# Name of a format and of its module in mmeiou.labels.formats, and what it looks like.
FORMATS: dict[str, tuple[str, str]] = {
    "labelv2": ("labelv2", "'# path width height', then 'x1 y1 x2 y2' and K times 'x y v'"),
    "retinaface": ("retinaface", "'# path', then 'x y w h', K times 'x y v' and a blur score"),
    "wider": ("wider_bbx", "path, count, then 'x y w h' and six attributes a face"),
    "wider_mat": (
        "wider_mat",
        "folder of wider_face_val.mat and three more, the ground_truth of WIDER's eval_tools.zip",
    ),
    "coco": ("coco", "json of images, categories and annotations"),
    "yolo": ("yolo", "folder of txt files, 'class cx cy w h' in parts of the image"),
    "voc": ("voc", "folder of Pascal's xml files"),
    "csv": ("csv", "a row a box, named columns"),
    "labelme": ("labelme", "folder of LabelMe's json files"),
    "pts": ("pts", "folder of 300-W's .pts files, 68 points a face"),
}
_BY_SUFFIX = {".json": "coco", ".csv": "csv", ".tsv": "csv", ".pts": "pts"}
_IN_FOLDER = {
    ".mat": "wider_mat",
    ".xml": "voc",
    ".json": "labelme",
    ".txt": "yolo",
    ".pts": "pts",
}


def read_labels(
    source: Source | Path | str,
    format: str = "auto",  # noqa: A002 - the field's word
    **options: Any,
) -> LabelSet:
    """Read the labels of a set of images.

    Args:
        source: File or folder; or a :class:`mmeiou.labels.source.Source` to choose of its images,
            classes and landmarks, and to check them against the images.
        format: One of :data:`FORMATS`, or ``auto`` to recognise it by suffix or content.
        **options: Those of the format's ``read``.

    Returns:
        One record per image, in the order of the labels, images without boxes included. What was
        left out of a file or folder is a warning; a :class:`Source` has it in its ``problems``.

    Raises:
        FileNotFoundError: There is no such file.
        LabelError: The labels cannot be used; lists what is wrong, by file and line or key.
        ValueError: An unknown format, or an option that the format does not have.
    """
    bare = not isinstance(source, Source)
    if not isinstance(source, Source):
        source = Source(Path(source))
    if not source.labels.exists():
        expected = f", expected {format}: {FORMATS[format][1]}" if format in FORMATS else ""
        raise FileNotFoundError(f"labels {source.labels.absolute()} not found{expected}")
    if format == "auto":
        format = recognise_format(source.labels)  # noqa: A001
    if format not in FORMATS:
        raise ValueError(f"format={format!r}: expected one of {('auto', *FORMATS)}")
    read = import_module(f"mmeiou.labels.formats.{FORMATS[format][0]}").read
    known = list(signature(read).parameters)[1:]
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(f"{unknown[0]}: no option of format={format!r}, which has {known}")
    labels: LabelSet = read(source, **options)
    if bare:  # nobody else can ask the source's problems
        for phrase in source.problems.left_out():
            warnings.warn(f"{source.labels}: {phrase}", stacklevel=2)
    return labels


def recognise_format(labels: Path) -> Any:
    """Tell the format of a file by its suffix or content, of a folder by the files in it.

    Raises:
        LabelError: It is empty, or fits none of the formats, or more than one.
    """
    if labels.is_dir():
        found = {suffix for suffix in _IN_FOLDER if list_files(labels, (suffix,))}
        kinds = {_IN_FOLDER[suffix] for suffix in found}
        if len(kinds) != 1:
            problem = f"holds files of {len(kinds)} formats. Name one: {_described()}"
            raise LabelError(problem, str(labels))
        return kinds.pop()
    if known := _BY_SUFFIX.get(labels.suffix.lower()):
        return known
    return _by_lines(labels)


def _by_lines(file: Path) -> str:
    lines = read_lines(file)
    if not lines:
        raise LabelError("empty label file", str(file))
    sized = {parse_header(text[1:])[1] is not None for _, text in lines if text.startswith("#")}
    if sized == {True}:
        return "labelv2"
    if sized == {False}:
        return "retinaface"
    if not sized and looks_like_wider(lines):
        return "wider"
    problem = "image lines with and without width and height" if sized else "unknown format"
    raise LabelError(f"{problem}. Name one: {_described()}", str(file))


def _described() -> str:
    return ", ".join(f"{name} ({looks})" for name, (_, looks) in FORMATS.items())


def read_detections(
    source: Path,
    format: Literal["wider_txt", "faces_json", "auto"] = "auto",  # noqa: A002
    label: int = 0,
) -> dict[str, Detections]:
    """Read the detections of a set of images.

    Args:
        source: A folder of WIDER's text files ``<event>/<image>.txt``, or what
            ``tools/demo.py --json`` writes.
        format: ``wider_txt``, ``faces_json``, or ``auto``: whichever of the two it is.
        label: The class to read where there are several.

    Returns:
        By :func:`~mmeiou.labels.image_files.image_key` of the image, sorted as in the source.

    Raises:
        FileNotFoundError: If there is nothing.
        LabelError: It is none of these, or malformed; names file and place.
    """
    from mmeiou.labels.formats import faces_json, wider_txt  # noqa: PLC0415 - of one kind alone

    if format not in ("wider_txt", "faces_json", "auto"):
        raise ValueError(f"format={format!r}: expected wider_txt, faces_json or auto")
    if not source.exists():
        raise FileNotFoundError(f"predictions {source} not found")
    if format == "wider_txt" or (format == "auto" and source.is_dir()):
        return wider_txt.read(tqdm(wider_txt.list_files(source), unit="file"))
    if format == "faces_json" or source.suffix.lower() == ".json":
        return faces_json.read(source, label)
    raise LabelError(
        "expected a folder of <event>/<image>.txt, or faces.json of tools/demo.py --json",
        f"predictions {source}",
    )
