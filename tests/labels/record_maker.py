"""Records made by hand."""

from typing import Any

import numpy as np

from mmeiou.labels import ImageLabels


def image(file: str = "a.jpg", bboxes: Any = (), **fields: Any) -> ImageLabels:
    """An image of 100 x 100 pixels with boxes of class 0, none ignored, without landmarks."""
    count = len(bboxes)
    arrays = {
        "bboxes": np.array(bboxes, dtype=np.float64).reshape(-1, 4),
        "labels": np.zeros(count, dtype=np.int64),
        "ignore": np.zeros(count, dtype=np.bool_),
        "keypoints": np.zeros((count, 0, 3)),
    }
    given = {name: np.asarray(value) for name, value in fields.items() if name in arrays}
    others = {name: value for name, value in fields.items() if name not in arrays}
    places = [f"labels.txt:{line}" for line in range(1, count + 1)]
    return ImageLabels(
        file,
        **{
            "size": (100, 100),
            "where": places,
            "where_image": f"labels.txt: {file}",
            **arrays,
            **given,
            **others,
        },
    )
