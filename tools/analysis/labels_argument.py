"""LABELS of the tools that look at errors: a label file or folder, or a config."""

import sys
from pathlib import Path

from mmeiou.labels import LabelSet, Source, read_labels


def labels_from(source: Path, images: Path | None = None) -> LabelSet:
    """Read labels of any format, or the test dataset of a config.

    Args:
        source: File, folder or config.
        images: Folder of the images, which labels in parts of an image need.

    Raises:
        FileNotFoundError: There is nothing.
        ValueError: It cannot be read.
    """
    if source.suffix == ".py":
        # Imports MMDetection, which the labels of a file do not need.
        from mmeiou.config import build_dataset, read_config  # noqa: PLC0415
        from mmeiou.datasets.records import labels_of  # noqa: PLC0415

        labels = labels_of(build_dataset(read_config(source), "test"))
    elif images is not None and source.is_dir():
        labels = read_labels(Source(source, images))
    else:
        labels = read_labels(source)
    if len(labels.classes) > 1:
        print(f"of the classes {', '.join(labels.classes)} the first counts", file=sys.stderr)
    return labels
