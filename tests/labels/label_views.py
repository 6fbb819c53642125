"""Records as plain values, for the tests to compare."""

from typing import Any

from mmeiou.labels import ImageLabels, LabelSet

NAMES = ("bboxes", "labels", "ignore", "keypoints")


def points(labels: LabelSet, image: int = 0, box: int = 0) -> dict[str, tuple[float, float, int]]:
    """The labelled landmarks of a box by name: x, y, v."""
    rows = labels.images[image].keypoints[box].tolist()
    named = zip(labels.landmarks, rows, strict=True)
    return {name: (x, y, int(v)) for name, (x, y, v) in named if v}


def class_names(labels: LabelSet, image: int = 0) -> list[str]:
    """The class of each box of an image."""
    return [labels.classes[label] for label in labels.images[image].labels]


def values(image: ImageLabels) -> dict[str, Any]:
    """What is in an image, without its places."""
    arrays = {name: getattr(image, name).tolist() for name in NAMES}
    return {"file": image.file, "size": image.size, **arrays}
