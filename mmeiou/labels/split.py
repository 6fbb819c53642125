"""Splitting a set."""

from dataclasses import replace

import numpy as np

from mmeiou.labels.errors import LabelError
from mmeiou.labels.records import LabelSet


def split(labels: LabelSet, fraction: float, seed: int) -> tuple[LabelSet, LabelSet]:
    """Training and validation part, drawn image by image.

    Args:
        labels: The whole.
        fraction: Of the images that are to validate; rounded, and at least one image.
        seed: Of the draw; the order of the images stays.

    Raises:
        LabelError: A part would have no image, or no box to find.
    """
    count = len(labels)
    number = max(round(fraction * count), 1)
    if number >= count:
        raise LabelError(f"{count} images are too few to validate on {fraction:g} of them")
    chosen = set(np.random.default_rng(seed).permutation(count)[:number].tolist())
    training = [image for index, image in enumerate(labels.images) if index not in chosen]
    validation = [image for index, image in enumerate(labels.images) if index in chosen]
    for part, images in (("training", training), ("validation", validation)):
        if all(image.ignore.all() for image in images):
            raise LabelError(
                f"the {len(images)} images drawn by seed {seed} for the {part} part have no box to "
                "find; choose another seed or fraction"
            )
    return replace(labels, images=training), replace(labels, images=validation)
