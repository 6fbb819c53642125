"""OpenCV's ``FaceDetectorYN``, by the thresholds at which all deployed forms are compared."""

import math
from pathlib import Path

import cv2
import numpy as np

from mmeiou.apis import Faces
from mmeiou.apis.images import Image

SCORE_THR, NMS_THR = 0.02, 0.45  # of WIDER FACE's protocol
EVERYTHING = (1 << 31) - 1  # what OpenCV may keep before NMS


def faces_by_opencv(file: Path, image: Image) -> Faces:
    """The faces of an image, scored by ``cls * obj``: OpenCV's scores are the roots of that.

    Args:
        file: Of the twelve outputs.
        image: (h, w, 3) uint8 BGR of any size, which OpenCV pads as the other forms do.

    Raises:
        cv2.error: If OpenCV cannot run the file.
    """
    size = image.shape[1], image.shape[0]  # OpenCV 5's classic engine has no setInputSize
    score_thr = math.sqrt(SCORE_THR)
    client = cv2.FaceDetectorYN.create(str(file), "", size, score_thr, NMS_THR, EVERYTHING)
    found = client.detect(image)[1]
    rows = np.zeros((0, 15), np.float32) if found is None else found
    corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
    landmarks = rows[:, 4:14].reshape(-1, 5, 2)
    return Faces(corners, rows[:, 14] ** 2, landmarks, np.zeros(len(rows), np.int64))
