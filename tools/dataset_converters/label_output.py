"""Writing a set of labels, whole or split, and saying what was written."""

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from mmeiou.labels import LabelError, LabelSet, Source
from mmeiou.labels.formats import coco
from mmeiou.labels.split import split
from mmeiou.whole_files import replacing


def outputs(out: Path, val_fraction: float, *, force: bool) -> list[Path]:
    """The files that will be written: ``out``, and val.json beside it for a split.

    Raises:
        LabelError: One of them exists and is not to be replaced, or is a folder, or both are one
            file.
    """
    paths = [out, *([out.with_name("val.json")] if val_fraction else [])]
    if len(set(paths)) < len(paths):
        raise LabelError(f"--val-fraction writes {paths[1]}: choose another --out")
    for path in paths:
        if path.is_dir():  # which would fail when the others have been replaced
            raise LabelError(f"{path} is a folder: choose another --out, or remove it")
        if path.exists() and not force:
            raise LabelError(f"{path} exists; --force replaces it")
    return paths


def write(
    labels: LabelSet, paths: Sequence[Path], val_fraction: float, seed: int
) -> tuple[LabelSet, ...]:
    """Write the parts, all of them or none, each read back before it gets its name.

    Returns:
        The parts, in the order of ``paths``.

    Raises:
        LabelError: A part would be empty, or cannot be read.
    """
    parts = split(labels, val_fraction, seed) if val_fraction else (labels,)
    with ExitStack() as stack:
        unfinished = [stack.enter_context(replacing(path)) for path in paths]
        for part, path, out in zip(parts, unfinished, paths, strict=True):
            coco.write(part, path)
            try:
                coco.read(Source(path), countable=True)
            except LabelError as error:
                raise LabelError(str(error).replace(str(path), str(out))) from error
    return parts


def result(
    labels: LabelSet, parts: Sequence[LabelSet], paths: Sequence[Path], images: Path
) -> list[str]:
    """What was written, and the line for the shell that says where."""
    lines = [f"wrote {path}: {len(part)} images" for part, path in zip(parts, paths, strict=True)]
    lines.append(f"classes: {', '.join(labels.classes)}")
    lines.append(f"landmarks: {', '.join(labels.landmarks) or 'none'}")
    if labels.landmarks and labels.flip_pairs is None:
        lines.append(
            "which landmarks are left and right of each other is not known: write flip_pairs into "
            "the categories, or name them left_... and right_... by --landmarks"
        )
    data, pictures = (shlex.quote(f"{path.absolute()}/") for path in (paths[0].parent, images))
    lines.append(f"export MMEIOU_OWN_DATA={data} MMEIOU_OWN_IMAGES={pictures}")
    return lines
