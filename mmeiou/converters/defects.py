"""Boxes that no detector can learn from."""

import math

from mmeiou.converters.labels import LabelledBox

LEAST_SIDE = 1  # pixels; MMDetection drops smaller boxes without a word


def defect(box: LabelledBox, width: int, height: int) -> tuple[str, str] | None:
    """What is wrong with a box: of such boxes in general, and of this one; None if nothing is.

    A box may reach beyond its image, as faces do.

    Args:
        box: The box.
        width: Of its image.
        height: Of its image.
    """
    x1, y1, x2, y2 = box.corners
    numbers = [*box.corners, *(value for point in box.points.values() for value in point)]
    if not all(map(math.isfinite, numbers)):
        return "with NaN or infinity", "a number that is not finite"
    if min(x2 - x1, y2 - y1) < LEAST_SIDE:
        problem = f"a box of width {x2 - x1:g} and height {y2 - y1:g}, at least 1 pixel expected"
        return "smaller than a pixel", problem
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        place = f"box {x1:g} {y1:g} {x2:g} {y2:g} (x1 y1 x2 y2)"
        return "outside their image", f"{place} lies outside its image of {width} x {height} pixels"
    return None
