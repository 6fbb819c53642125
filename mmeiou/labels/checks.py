"""Boxes that no detector can learn from: one rule for all formats."""

import numpy as np

from mmeiou.labels.errors import Problems
from mmeiou.labels.records import Bools, ImageLabels

LEAST_SIDE = 1  # pixels; MMDetection drops smaller boxes without a word
_ROUNDING = 1e-6  # of parts of an image to pixels


def usable(image: ImageLabels, problems: Problems, remedy: str, *, drop: bool = False) -> Bools:
    """Find the boxes that can be used; the others are problems, or counted.

    A box may reach beyond its image, as faces do, but not lie outside of it.

    Args:
        image: With its boxes.
        problems: Takes what is wrong.
        remedy: How such boxes are left out, for the message.
        drop: Whether they are counted, where ``problems`` leaves it to the format.

    Returns:
        (n,) whether each is at least a pixel wide and high and, where the size of the image is
        known, in it at least in part.
    """
    sides = image.bboxes[:, 2:] - image.bboxes[:, :2]
    large: Bools = sides.min(axis=1, initial=np.inf) >= LEAST_SIDE - _ROUNDING
    begins_before = np.inf if image.size is None else image.size
    ends_after = -np.inf if image.size is None else 0
    corners = (image.bboxes[:, :2] < begins_before) & (image.bboxes[:, 2:] > ends_after)
    inside = corners[:, 0] & corners[:, 1]
    for index in np.flatnonzero(~(large & inside)):
        x1, y1, x2, y2 = image.bboxes[index]
        if not large[index]:
            kind = "smaller than a pixel"
            problem = (
                f"a box of width {x2 - x1:g} and height {y2 - y1:g}, expected at least 1 pixel"
            )
            if np.abs(image.bboxes[index]).max() <= LEAST_SIDE and sides[index].min() > 0:
                problem += "; are these parts of the image, not pixels?"
        else:
            assert image.size is not None
            kind = "outside their image"
            place = f"box {x1:g} {y1:g} {x2:g} {y2:g} (x1 y1 x2 y2)"
            problem = f"{place} lies outside its image of {image.size[0]} x {image.size[1]} pixels"
        problems.add_box(image.where[index], kind, f"{problem}; {remedy}", drop=drop)
    return large & inside
