"""Small pictures as files, for the tests of labels and of the dataset."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ORIENTATION = 0x0112
SIZE = (200, 100)  # width, height of the pictures


def write_picture(path: Path, size: tuple[int, int] = SIZE, orientation: int = 1) -> Path:
    """Write a grey picture; the EXIF orientation leaves the stored pixels as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if orientation == 1:
        cv2.imwrite(str(path), np.full((size[1], size[0], 3), 90, np.uint8))
    else:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        Image.new("RGB", size, (90, 90, 90)).save(path, exif=exif)
    return path
