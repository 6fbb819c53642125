"""The boxes of any dataset of MMDetection as records."""

from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmeiou.labels.records import ImageLabels, LabelSet


def labels_of(dataset: Any) -> LabelSet:
    """The boxes of a dataset, in pixels of the original images, without their keypoints.

    Args:
        dataset: Its ``get_data_info`` has ``img_path`` and ``instances``.
    """
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    return LabelSet(
        Path(getattr(dataset, "ann_file", "")),
        [
            ImageLabels.of_instances(info["img_path"], info["instances"])
            for info in tqdm(infos, total=len(dataset), unit="image")
        ],
        classes=tuple(dataset.metainfo.get("classes", ())),
    )
