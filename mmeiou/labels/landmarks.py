"""Landmarks: their names, their order, and which are left and right of each other."""

from collections.abc import Sequence

# As in WIDER FACE's landmarks, the released weights and OpenCV: of the person, not of the picture.
FACE_LANDMARKS = (
    "right_eye",
    "left_eye",
    "nose",
    "right_mouth_corner",
    "left_mouth_corner",
)
UNLABELLED, OCCLUDED, VISIBLE = 0, 1, 2

FlipPairs = tuple[tuple[int, int], ...]


def landmark_names(count: int) -> tuple[str, ...]:
    """Names for landmarks that have none: five are taken to be those of a face."""
    if count == len(FACE_LANDMARKS):
        return FACE_LANDMARKS
    return tuple(f"point_{index}" for index in range(count))


def flip_pairs_by_name(names: Sequence[str]) -> FlipPairs | None:
    """Pairs of landmarks whose names differ in left and right alone; None if no name has one.

    >>> flip_pairs_by_name(["nose", "left_eye", "right_eye"])
    ((1, 2),)
    """
    pairs = [
        (min(index, other), max(index, other))
        for index, name in enumerate(names)
        if (mirrored := name.replace("left", "right").replace("Left", "Right")) != name
        and mirrored in names
        and (other := names.index(mirrored)) != index
    ]
    return tuple(sorted(pairs)) or None


def flip_pairs_by_count(count: int) -> FlipPairs | None:
    """Pairs for landmarks of which the number alone is known: none of none, a face's of five."""
    return flip_pairs_by_name(landmark_names(count)) if count else ()


def flip_order(pairs: Sequence[tuple[int, int]], count: int) -> list[int]:
    """Order after mirroring: ``mirrored[i] = points[order[i]]``.

    Raises:
        ValueError: An index is outside the ``count`` points or in two pairs.

    >>> flip_order([(0, 1), (3, 4)], 5)
    [1, 0, 2, 4, 3]
    """
    paired = [index for pair in pairs for index in pair]
    if len(set(paired)) != len(paired) or not set(paired) <= set(range(count)):
        raise ValueError(f"flip pairs {pairs!r} do not fit {count} landmarks")
    order = list(range(count))
    for left, right in pairs:
        order[left], order[right] = right, left
    return order


def pairs_of_order(order: Sequence[int]) -> FlipPairs:
    """The pairs of an order after mirroring, as YOLO's ``flip_idx`` gives it.

    Raises:
        ValueError: It exchanges something other than pairs.
    """
    for index, other in enumerate(order):
        if not 0 <= other < len(order):
            raise ValueError(f"{list(order)}: {other} is none of 0 to {len(order) - 1}")
        if order[other] != index:
            raise ValueError(
                f"{list(order)}: {index} goes to {other}, but {other} to {order[other]}"
            )
    return tuple((index, other) for index, other in enumerate(order) if index < other)
