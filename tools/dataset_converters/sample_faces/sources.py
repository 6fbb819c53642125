"""What the sample set is made of, all of it shipped inside scikit-image's wheel."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "val"]
Gray = NDArray[np.float32]
Image = NDArray[np.uint8]

# `astronaut` is the final test and stays unseen; `camera` and `coins` show faces without a label.
# The train and val photographs are different scenes (both motorcycle views are one scene).
PHOTOS: dict[Split, tuple[str, ...]] = {
    "train": (
        "chelsea",
        "coffee",
        "stereo_motorcycle",
        "immunohistochemistry",
        "retina",
        "hubble_deep_field",
        "brick",
        "grass",
        "page",
    ),
    "val": ("rocket", "gravel", "text", "moon"),
}

_FACES = 100  # lfw_subset holds this many faces, then as many crops of background
_HELD_OUT = 5  # every fifth crop is for validation
_PARTLY_FACE = (125, 130)  # "background" crops that show half a face

_MISSING = (
    "The sample faces come from scikit-image, which cannot be imported here. "
    "Install it with: pip install 'mmeiou[sample]' (or pip install scikit-image)."
)


@dataclass(frozen=True)
class Sources:
    """Raw material of one split.

    Attributes:
        faces: Aligned grey faces, each 25 x 25 in [0, 1].
        decoys: Grey crops of the same size without a face.
        photos: Photographs without a face, uint8 BGR.
    """

    faces: list[Gray]
    decoys: list[Gray]
    photos: list[Image]


def load_sources(split: Split) -> Sources:
    """Load the faces, decoys and photographs of one split; the two splits share none.

    Args:
        split: ``'train'`` or ``'val'``.

    Returns:
        The raw material of that split.

    Raises:
        ModuleNotFoundError: scikit-image is not installed.
    """
    try:
        from skimage import data  # noqa: PLC0415 (only needed here, and optional)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(_MISSING, name=error.name) from error
    crops = data.lfw_subset().astype(np.float32)
    picked = [i for i in range(len(crops)) if (i % _HELD_OUT == 0) == (split == "val")]
    return Sources(
        faces=[crops[i] for i in picked if i < _FACES],
        decoys=[crops[i] for i in picked if i >= _FACES and i not in _PARTLY_FACE],
        photos=[_as_bgr(getattr(data, name)()) for name in PHOTOS[split]],
    )


def _as_bgr(photo: Image | tuple[Image, ...]) -> Image:
    first = photo[0] if isinstance(photo, tuple) else photo  # a stereo pair: its left view
    if first.ndim == 2:  # noqa: PLR2004 (grey)
        return np.asarray(cv2.cvtColor(first, cv2.COLOR_GRAY2BGR), np.uint8)
    return np.asarray(cv2.cvtColor(first, cv2.COLOR_RGB2BGR), np.uint8)


def random_square(
    rng: np.random.Generator, photos: list[Image], smallest: float, largest: float
) -> Image:
    """Cut a square out of a random photograph.

    Args:
        rng: Source of every random choice.
        photos: Photographs to choose from.
        smallest: Least side, as a share of the photograph's short side.
        largest: Greatest side, likewise, below 1.

    Returns:
        A view of the photograph.
    """
    photo = photos[rng.integers(len(photos))]
    side = int(rng.uniform(smallest, largest) * min(photo.shape[:2]))
    top, left = (int(rng.integers(length - side)) for length in photo.shape[:2])
    return photo[top : top + side, left : left + side]
