"""The records: the labels of an image, a set of them, the detections in an image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmeiou.labels.errors import LabelError
from mmeiou.labels.landmarks import FlipPairs

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """The ``n`` labelled boxes of an image.

    Attributes:
        file: Path of the image, relative to the folder of the images.
        size: Width and height in pixels of the upright image; None where nobody says.
        bboxes: (n, 4) x1 y1 x2 y2 in pixels; may reach beyond the image, as faces do.
        labels: (n,) classes, indices into :attr:`LabelSet.classes`.
        ignore: (n,) boxes that are neither objects to find nor background.
        keypoints: (n, K, 3) x y v in pixels. v is 0 where the point is not labelled, and so are x
            and y; else COCO's 1 (occluded) or 2 (visible), or the weight that WIDER's formats give.
        where: (n,) file and line, or key, that each box comes from; for messages.
        where_image: The same of the image itself.
        image_id: What the label file calls the image, if it does; in COCO's json, its id.
        subsets: (S, n) which boxes belong to each subset of a benchmark; None where there are no
            subsets but that of all boxes not to ignore.
    """

    file: str
    size: Size | None
    bboxes: Floats
    labels: NDArray[np.int64]
    ignore: Bools
    keypoints: Floats
    where: Sequence[str] = ()
    where_image: str = ""
    image_id: int | str | None = None
    subsets: Bools | None = None

    @classmethod
    def of_instances(
        cls, file: str, instances: Sequence[Mapping[str, Any]], size: Size | None = None
    ) -> "ImageLabels":
        """From MMDetection's ``instances``, in pixels of the original image, without keypoints."""
        return cls(
            file,
            size,
            bboxes=np.array([one["bbox"] for one in instances], dtype=np.float64).reshape(-1, 4),
            labels=np.array([one["bbox_label"] for one in instances], dtype=np.int64),
            ignore=np.array([bool(one.get("ignore_flag")) for one in instances], dtype=bool),
            keypoints=np.zeros((len(instances), 0, 3)),
            where=[file] * len(instances),
            where_image=file,
        )

    def __len__(self) -> int:
        return len(self.bboxes)

    @property
    def kept(self) -> Bools:
        """(S, n) boxes to be found, in each subset."""
        return ~self.ignore[None] if self.subsets is None else self.subsets

    def select(self, chosen: Bools) -> "ImageLabels":
        """The chosen (n,) of the boxes."""
        return replace(
            self,
            bboxes=self.bboxes[chosen],
            labels=self.labels[chosen],
            ignore=self.ignore[chosen],
            keypoints=self.keypoints[chosen],
            where=[place for place, wanted in zip(self.where, chosen, strict=True) if wanted],
            subsets=None if self.subsets is None else self.subsets[:, chosen],
        )


@dataclass(frozen=True, eq=False)
class LabelSet:
    """Labelled images.

    Attributes:
        source: File or folder of the labels.
        images: In the order of the labels.
        classes: Names of the classes, in the order of their numbers.
        landmarks: Names of the K landmarks; the same for every class.
        flip_pairs: Indices of landmarks that change places in a mirror image; None if unknown.
        subsets: Names of the S rows of :attr:`ImageLabels.kept`.
    """

    source: Path
    images: Sequence[ImageLabels]
    classes: tuple[str, ...] = ("face",)
    landmarks: tuple[str, ...] = ()
    flip_pairs: FlipPairs | None = None
    subsets: tuple[str, ...] = ("all",)

    def __len__(self) -> int:
        return len(self.images)

    def with_classes(self, classes: Sequence[str]) -> "LabelSet":
        """The boxes of some of the classes, numbered in the order given."""
        numbers = np.full(len(self.classes) + 1, -1)
        for number, name in enumerate(classes):
            numbers[self.classes.index(name)] = number
        images = [replace(image, labels=numbers[image.labels]) for image in self.images]
        return replace(
            self,
            images=[image.select(image.labels >= 0) for image in images],
            classes=tuple(classes),
        )

    def by_key(self, key: Callable[[str], str], label: int = 0) -> dict[str, ImageLabels]:
        """The boxes of one class by a key of the image's file.

        Raises:
            LabelError: Two images have the same key.
        """
        found: dict[str, ImageLabels] = {}
        for image in self.images:
            name = key(image.file)
            if name in found:
                raise LabelError(f"two images are called {name}", str(self.source))
            found[name] = image.select(image.labels == label)
        return found


@dataclass(frozen=True, eq=False)
class Detections:
    """The ``n`` detections of a class in an image, in any order.

    Attributes:
        bboxes: (n, 4) x1 y1 x2 y2 in pixels.
        scores: (n,).
    """

    bboxes: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)
