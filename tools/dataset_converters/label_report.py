"""What is in a set of labels, and what was left out of it, line by line."""

import shlex
from collections import Counter
from collections.abc import Mapping

from mmeiou.labels import ImageLabels, LabelSet

ROUNDING = 0.5  # pixels


def describe(labels: LabelSet, counted: Mapping[str, int]) -> str:
    """The report.

    Args:
        labels: The set.
        counted: Of :class:`mmeiou.labels.errors.Problems`: what was left out, and what else was
            met on the way.
    """
    images = labels.images
    of_class = Counter(labels.classes[label] for image in images for label in image.labels.tolist())
    rows = {
        "images": len(images),
        "  without a box": sum(not len(image) for image in images),
        "boxes": of_class.total(),
        **{f"  {name}": of_class[name] for name in labels.classes},
        "  with landmarks": sum(_labelled(image) for image in images),
        "  to ignore": sum(int(image.ignore.sum()) for image in images),
        "  reaching beyond their image": sum(_beyond(image) for image in images),
        **counted,
    }
    lines = [f"{count:8}  {name}" for name, count in rows.items()]
    used = [name for name in labels.classes if of_class[name]]
    lines += [
        f"no box is of the class {name}; --classes {shlex.join(used)} leaves it out"
        for name in labels.classes
        if name not in used
    ]
    return "\n".join(lines)


def _labelled(image: ImageLabels) -> int:
    return int(image.keypoints[..., 2].any(axis=1).sum())


def _beyond(image: ImageLabels) -> int:
    assert image.size is not None
    over = image.bboxes[:, :2].min(axis=1, initial=0) < -ROUNDING
    over |= (image.bboxes[:, 2:] - image.size).max(axis=1, initial=0) > ROUNDING
    return int(over.sum())
