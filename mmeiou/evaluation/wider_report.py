"""Predictions against labels, and the figures with what is needed to read them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mmeiou.evaluation.units import suspected_units
from mmeiou.functional.wider_ap import FaceImage, WIDERProtocol, wider_ap
from mmeiou.labels.records import Detections, ImageLabels

_NONE_FOUND = Detections(np.zeros((0, 4)), np.zeros(0))


@dataclass(frozen=True)
class WIDERReport:
    """Result of an evaluation; as a string, the protocol and the size of the set.

    Args:
        ap: AP of each subset; NaN for a subset without faces.
        num_faces: Faces of each subset.
        num_images: Images with labels, predicted or not.
        num_detections: Detections on these images.
        protocol: How AP was computed.
    """

    ap: dict[str, float]
    num_faces: dict[str, int]
    num_images: int
    num_detections: int
    protocol: WIDERProtocol

    def __str__(self) -> str:
        faces = ", ".join(f"{name} {count}" for name, count in self.num_faces.items())
        return (
            f"WIDER FACE protocol: {self.protocol}; {self.num_images} images, "
            f"{self.num_detections} detections, faces: {faces}"
        )


@dataclass(frozen=True)
class PairedSet:
    """Images with their labels and what was predicted for them.

    Args:
        images: One for every labelled image.
        missed: Labelled images without a prediction; their faces count as missed.
        unknown: Predicted images without labels; they are left out of everything.
    """

    images: list[FaceImage]
    missed: list[str]
    unknown: list[str]

    def warnings(self) -> list[str]:
        """What whoever reads the figures should know, a sentence each."""
        sentences = []
        if self.missed:
            sentences.append(
                f"{len(self.missed)} of {len(self.images)} images were not predicted, their faces "
                f"count as missed: {_first_few(self.missed)}"
            )
        if self.unknown:
            sentences.append(
                f"{len(self.unknown)} predicted images are not in the ground truth, their "
                f"detections are left out: {_first_few(self.unknown)}"
            )
        if units := suspected_units(self.images):
            sentences.append(units)
        return sentences


def pair(
    predictions: Mapping[str, Detections], ground_truth: Mapping[str, ImageLabels]
) -> PairedSet:
    """Bring predictions and ground truth together by ``<event>/<image>``.

    Where a prediction names no event, as those of a single folder do, ``<image>`` is enough if only
    one image is called so.

    Raises:
        ValueError: If no predicted image is in the ground truth.
    """
    whole = {name: key for name, key in _by_image(ground_truth).items() if key not in predictions}
    predictions = {whole.get(key, key): found for key, found in predictions.items()}
    unknown = [key for key in predictions if key not in ground_truth]
    if len(unknown) == len(predictions):
        raise ValueError(
            f"none of the {len(predictions)} predicted images ({_first_few(unknown)}) is in the "
            f"ground truth ({_first_few(ground_truth)}); images are matched as <event>/<image>"
        )
    images = [
        face_image(predictions.get(key, _NONE_FOUND), labels)
        for key, labels in ground_truth.items()
    ]
    return PairedSet(images, [key for key in ground_truth if key not in predictions], unknown)


def face_image(found: Detections, labels: ImageLabels) -> FaceImage:
    """What was found in an image and what is in it, as the maths takes it.

    Raises:
        ValueError: Naming the image, if a number is not finite.
    """
    try:
        return FaceImage(found.bboxes, found.scores, labels.bboxes, labels.kept)
    except ValueError as error:
        raise ValueError(f"{labels.file}: {error}") from error


def _by_image(keys: Collection[str]) -> dict[str, str]:
    """The keys by their images' names alone, where those are unique and no keys themselves."""
    names = [key.rpartition("/")[2] for key in keys]
    times = Counter(names)
    return {
        name: key
        for name, key in zip(names, keys, strict=True)
        if times[name] == 1 and name not in keys
    }


def evaluate(
    images: Sequence[FaceImage], subsets: Sequence[str], protocol: WIDERProtocol
) -> WIDERReport:
    """Compute the AP of each subset.

    Args:
        images: As for :func:`~mmeiou.functional.wider_ap.wider_ap`.
        subsets: A name for each row of ``FaceImage.kept``.
        protocol: What the protocol leaves to choose.

    Raises:
        ValueError: If there are no images, or their subsets are not those named.
    """
    ap = wider_ap(images, protocol)
    num_faces = sum(image.kept.sum(axis=1) for image in images).tolist()
    return WIDERReport(
        ap=dict(zip(subsets, ap, strict=True)),
        num_faces=dict(zip(subsets, num_faces, strict=True)),
        num_images=len(images),
        num_detections=sum(len(image.scores) for image in images),
        protocol=protocol,
    )


def _first_few(names: Collection[str], count: int = 3) -> str:
    return ", ".join(islice(names, count)) + (", ..." if len(names) > count else "")
