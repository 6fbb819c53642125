"""Labelled faces from the benchmark's files, a label file, or the dataset of a config."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mmeiou.config import build_dataset, read_config
from mmeiou.datasets.readers import read_face_labels
from mmeiou.evaluation.detection_files import name_key
from mmeiou.evaluation.samples import sample_faces
from mmeiou.evaluation.wider_gt import SUBSETS, LabelledFaces, load_ground_truth


class LabelledSet(NamedTuple):
    """The faces of a set of images.

    Attributes:
        subsets: A name for each row of ``LabelledFaces.kept``.
        faces: By :func:`~mmeiou.evaluation.detection_files.name_key` of the image.
        files: The images, absolute or relative to their folder.
    """

    subsets: tuple[str, ...]
    faces: dict[str, LabelledFaces]
    files: dict[str, Path]


def read_labels(source: Path, face_label: int = 0) -> LabelledSet:
    """Read labelled faces.

    Args:
        source: The folder of WIDER's four ``.mat`` files (subsets easy, medium, hard); a label
            file of :func:`mmeiou.datasets.readers.read_face_labels`; or a config, whose test
            dataset is taken (one subset of all that is not ignored).
        face_label: The class to take from a config's dataset.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it cannot be read, or two images have the same name.
    """
    if source.is_dir():
        faces = load_ground_truth(source)
        return LabelledSet(SUBSETS, faces, {key: Path(f"{key}.jpg") for key in faces})
    if source.suffix == ".py":
        return _of_config(source, face_label)
    if not source.is_file():
        raise FileNotFoundError(f"labels {source} not found")
    return _gathered(
        source,
        (
            (label.image, LabelledFaces(label.boxes.astype(np.float64), ~label.ignore[None]))
            for label in read_face_labels(source, num_keypoints=0)
        ),
    )


def _of_config(config: Path, face_label: int) -> LabelledSet:
    dataset = build_dataset(read_config(config), "test")
    infos = (dataset.get_data_info(index) for index in tqdm(range(len(dataset)), unit="image"))
    return _gathered(config, ((info["img_path"], sample_faces(info, face_label)) for info in infos))


def _gathered(source: Path, labels: Iterable[tuple[str, LabelledFaces]]) -> LabelledSet:
    labelled = LabelledSet(("all",), {}, {})
    for name, faces in labels:
        key = name_key(name)
        if key in labelled.faces:
            raise ValueError(f"{source}: two images are called {key}")
        labelled.faces[key], labelled.files[key] = faces, Path(name)
    return labelled
