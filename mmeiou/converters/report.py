"""Splitting a set, and saying what is in it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mmeiou.converters.labels import LabelSet
from mmeiou.converters.problems import ConversionError

ROUNDING = 0.5  # pixels


def split(labels: LabelSet, fraction: float, seed: int) -> tuple[LabelSet, LabelSet]:
    """Training and validation part, drawn image by image.

    Args:
        labels: The whole.
        fraction: Of the images that are to validate; rounded, and at least one image.
        seed: Of the draw; the order of the images stays.

    Raises:
        ConversionError: Nothing would be left to train on.
    """
    count = len(labels.images)
    number = max(round(fraction * count), 1)
    if number >= count:
        raise ConversionError(f"{count} images are too few to validate on {fraction:g} of them")
    chosen = set(np.random.default_rng(seed).permutation(count)[:number].tolist())
    training = [image for index, image in enumerate(labels.images) if index not in chosen]
    validation = [image for index, image in enumerate(labels.images) if index in chosen]
    return replace(labels, images=training), replace(labels, images=validation)


def describe(labels: LabelSet, dropped: Mapping[str, int], turned: int) -> str:
    """What was read, line by line.

    Args:
        labels: The set.
        dropped: Number of boxes left out, for each reason.
        turned: Number of images that an EXIF orientation turned.
    """
    boxes = [box for image in labels.images for box in image.boxes]
    beyond = sum(
        min(x1, y1, image.width - x2, image.height - y2) < -ROUNDING
        for image in labels.images
        for x1, y1, x2, y2 in (box.corners for box in image.boxes)
    )
    rows = {
        "images": len(labels.images),
        "  without a box": sum(not image.boxes for image in labels.images),
        "  turned upright by EXIF": turned,
        "boxes": len(boxes),
        **{f"  {name}": count for name, count in sorted(Counter(b.name for b in boxes).items())},
        "  with landmarks": sum(bool(box.points) for box in boxes),
        "  to ignore": sum(box.ignore for box in boxes),
        "  reaching beyond their image": beyond,
        **{f"left out, {reason}": count for reason, count in dropped.items()},
    }
    return "\n".join(f"{count:8}  {name}" for name, count in rows.items())
