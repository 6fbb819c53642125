"""A set of a dozen tiny pictures in WIDER FACE's layout, for tests that start processes."""

from pathlib import Path

import cv2
import numpy as np

SIZE = 96
NUM_TRAIN, NUM_VAL = 12, 4


def _face(rng: np.random.Generator) -> tuple[np.ndarray, list[float]]:
    """A bright square with dark eyes on noise, and its label: box, then five points."""
    image = rng.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
    side = int(rng.integers(24, 48))
    x, y = (int(v) for v in rng.integers(4, SIZE - side - 4, 2))
    cv2.rectangle(image, (x, y), (x + side, y + side), (200, 210, 230), -1)
    points = [(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)]
    label: list[float] = [x, y, x + side, y + side]
    for px, py in points:
        centre = (int(x + px * side), int(y + py * side))
        cv2.circle(image, centre, 2, (30, 30, 30), -1)
        label += [*centre, 0.0]
    return image, label


def write_tiny_faces(root: Path) -> Path:
    """Write the set below ``root`` and return it."""
    rng = np.random.default_rng(0)
    for split, number in (("train", NUM_TRAIN), ("val", NUM_VAL)):
        images = root / f"WIDER_{split}/images/0--Squares"
        images.mkdir(parents=True)
        lines = []
        for index in range(number):
            image, label = _face(rng)
            name = f"0_Squares_{index}.png"
            cv2.imwrite(str(images / name), image)
            lines += [f"# 0--Squares/{name} {SIZE} {SIZE}", " ".join(map(str, label))]
        labels = root / f"labelv2/{split}/labelv2.txt"
        labels.parent.mkdir(parents=True)
        labels.write_text("\n".join(lines) + "\n")
    return root
