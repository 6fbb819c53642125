"""A set of made-up pictures in WIDER FACE's layout, where no data are at hand."""

from pathlib import Path

import cv2
import numpy as np


def write_faces(root: Path, count: int, width: int, height: int, faces: int) -> Path:
    """Write training pictures, smooth noise with bright squares for faces, below ``root``."""
    rng = np.random.default_rng(0)
    event = root / "WIDER_train/images/0--Made_up"
    event.mkdir(parents=True)
    lines = []
    for index in range(count):
        coarse = rng.integers(0, 200, (height // 16, width // 16, 3), dtype=np.uint8)
        image = cv2.resize(coarse, (width, height))
        name = f"0_Made_up_{index}.jpg"
        lines.append(f"# 0--Made_up/{name} {width} {height}")
        for _ in range(faces):
            side = int(rng.integers(16, min(width, height) // 3))
            x, y = int(rng.integers(width - side)), int(rng.integers(height - side))
            cv2.rectangle(image, (x, y), (x + side, y + side), (200, 210, 230), -1)
            label: list[float] = [x, y, x + side, y + side]
            for right, down in ((0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.75), (0.65, 0.75)):
                label += [x + right * side, y + down * side, 0.0]
            lines.append(" ".join(map(str, label)))
        cv2.imwrite(str(event / name), image)
    labels = root / "labelv2/train/labelv2.txt"
    labels.parent.mkdir(parents=True)
    labels.write_text("\n".join(lines) + "\n")
    return root
