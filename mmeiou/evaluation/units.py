"""What detections look like that find nothing because they are written in other units."""

from collections.abc import Callable, Sequence

import numpy as np

from mmeiou.functional.wider_ap import FaceImage, best_faces
from mmeiou.labels.records import Floats

IOU_THR = 0.5
# Of the faces: what a right reading of even a poor detector finds, and a wrong one does not.
_PART = 0.2

Reading = Callable[[Floats], Floats]


def _centred(boxes: Floats) -> Floats:
    """x1 y1 x2 y2 of what was read so, but has the centre in place of the corner."""
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    return boxes - np.concatenate([half, half], axis=1)


def _cornered(boxes: Floats) -> Floats:
    """x1 y1 x2 y2 of what was read as x y w h, and so has the corners added."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


_READINGS: dict[str, Reading] = {
    "centre x, centre y, width, height": _centred,
    "x1 y1 x2 y2 in place of x y w h": _cornered,
}


def suspected_units(images: Sequence[FaceImage]) -> str:
    """A sentence on detections that seem to be no x1 y1 x2 y2 in pixels; empty if they are.

    They are where they overlap a fair part of the faces well. Else they are tried as what people
    write by mistake: parts of the image, centres, and corners where width and height are expected.
    """
    boxes = np.concatenate([image.boxes for image in images])
    faces = sum(len(image.faces) for image in images)
    found = _found(images, lambda corners: corners) if len(boxes) else 0
    if not len(boxes) or found >= _PART * faces:
        return ""
    nothing = f"{found} of {faces} faces are overlapped by a detection with an IoU of {IOU_THR:g}"
    sides = boxes[:, 2:] - boxes[:, :2]
    if np.median(sides.min(axis=1)) < 0:
        return f"{nothing}; most detections have x2 < x1 or y2 < y1"
    if np.median(sides.max(axis=1)) < 1:
        return f"{nothing}; most detections are smaller than a pixel: parts of the image?"
    for meaning, corners in _READINGS.items():
        if (others := _found(images, corners)) >= max(1, _PART * faces, 2 * found):
            return f"{nothing}; taken as {meaning}, they would overlap {others}"
    hint = "are they of these images, in pixels from the left upper corner?"
    return "" if found else f"{nothing}; {hint}"


def _found(images: Sequence[FaceImage], corners: Reading) -> int:
    """Number of faces that are overlapped well."""
    found = 0
    for image in images:
        matched = best_faces(corners(image.boxes), image.faces, IOU_THR)
        found += len(np.unique(matched[matched >= 0]))
    return found
