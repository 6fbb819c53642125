"""LABELS of the tools that look at errors: a label file or folder, or a config."""

from pathlib import Path

from mmeiou.labels import LabelSet, read_labels


def labels_from(source: Path) -> LabelSet:
    """Read labels of any format, or the test dataset of a config.

    Raises:
        FileNotFoundError: There is nothing.
        ValueError: It cannot be read.
    """
    if source.suffix != ".py":
        return read_labels(source)
    # Imports MMDetection, which the labels of a file do not need.
    from mmeiou.config import build_dataset, read_config  # noqa: PLC0415
    from mmeiou.datasets.records import labels_of  # noqa: PLC0415

    return labels_of(build_dataset(read_config(source), "test"))
