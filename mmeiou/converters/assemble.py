"""From the boxes that a format holds to a set that can be trained on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mmeiou.converters.defects import defect
from mmeiou.converters.labels import (
    FACE_LANDMARKS,
    LabelledBox,
    LabelledImage,
    LabelSet,
    flip_pairs_by_name,
)
from mmeiou.converters.problems import ConversionError
from mmeiou.converters.source import Source


def assemble(
    source: Source,
    images: Sequence[LabelledImage],
    classes: Sequence[str] | None = None,
    landmarks: Sequence[str] | None = None,
    flip_pairs: Sequence[tuple[int, int]] | None = None,
) -> LabelSet:
    """Choose classes and landmarks, and check every box.

    Args:
        source: Its ``classes`` and ``landmarks`` choose, and order, those of the labels.
        images: As read.
        classes: All classes of the format in their order; None takes those that occur, sorted.
        landmarks: The same for landmarks; None takes those that occur, in the usual order if they
            are the usual five of a face.
        flip_pairs: Indices into ``landmarks``; None derives them from names with left and right.

    Raises:
        ConversionError: Something is wrong with the labels; lists all that is.
    """
    problems = source.problems
    for file, count in Counter(image.file for image in images).items():
        if count > 1:
            problems.add(str(source.labels), f"{count} labels for the one image {file}")
    boxes = [box for image in images for box in image.boxes]
    occurring = Counter(box.name for box in boxes)
    known = tuple(classes) if classes is not None else tuple(sorted(occurring))
    wanted = source.classes or known
    _require("class", "--classes", wanted, known, source)
    for name, count in occurring.items():
        if name not in wanted:
            problems.dropped[f"of class {name}, not in --classes"] += count

    if landmarks is None:
        landmarks = _ordered({name for box in boxes for name in box.points}, source)
    names = source.landmarks or tuple(landmarks)
    _require("landmark", "--landmarks", names, landmarks, source)
    pairs = flip_pairs_by_name(names)
    if flip_pairs is not None and names == tuple(landmarks):
        pairs = tuple((left, right) for left, right in flip_pairs)

    checked = [
        replace(
            image,
            boxes=[
                replace(
                    box, points={name: box.points[name] for name in names if name in box.points}
                )
                for box in image.boxes
                if box.name in wanted and _is_usable(box, image, source)
            ],
        )
        for image in images
    ]
    problems.check()
    if not any(image.boxes for image in checked):
        raise ConversionError(f"{source.labels}: no box in it that is wanted")
    return LabelSet(wanted, names, pairs, checked)


def _require(
    kind: str, option: str, wanted: Sequence[str], known: Sequence[str], source: Source
) -> None:
    for name in wanted:
        if name not in known:
            source.problems.add(
                option,
                f"no {kind} {name!r} in {source.labels}, which has {', '.join(known) or 'none'}",
            )
    if len(set(wanted)) < len(wanted):
        source.problems.add(option, f"a {kind} twice in {', '.join(wanted)}")


def _ordered(names: set[str], source: Source) -> tuple[str, ...]:
    if names == set(FACE_LANDMARKS):
        return FACE_LANDMARKS
    if len(names) > 1 and not source.landmarks:
        source.problems.add(
            "--landmarks",
            f"{source.labels} does not say in which order its landmarks come; name them in order: "
            f"--landmarks {' '.join(sorted(names))}",
        )
    return tuple(sorted(names))


def _is_usable(box: LabelledBox, image: LabelledImage, source: Source) -> bool:
    found = defect(box, image.width, image.height)
    if found:
        source.problems.add_box(box.where, *found)
    return found is None
