"""The labels of any dataset of MMDetection as records."""

from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmeiou.labels.records import ImageLabels, LabelSet


def labels_of(dataset: Any) -> LabelSet:
    """The boxes of a dataset, in pixels of the original images.

    Args:
        dataset: Its ``get_data_info`` has ``img_path`` and ``instances``.
    """
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    images = [_record(info) for info in tqdm(infos, total=len(dataset), unit="image")]
    return LabelSet(
        Path(getattr(dataset, "ann_file", "")),
        images,
        classes=tuple(dataset.metainfo.get("classes", ())),
    )


def _record(info: dict[str, Any]) -> ImageLabels:
    instances = list(info["instances"])
    return ImageLabels(
        info["img_path"],
        (info["width"], info["height"]) if "width" in info else None,
        bboxes=np.array([one["bbox"] for one in instances], dtype=np.float64).reshape(-1, 4),
        labels=np.array([one["bbox_label"] for one in instances], dtype=np.int64),
        ignore=np.array([bool(one.get("ignore_flag")) for one in instances], dtype=bool),
        keypoints=np.zeros((len(instances), 0, 3)),
        where=[info["img_path"]] * len(instances),
        where_image=info["img_path"],
    )
