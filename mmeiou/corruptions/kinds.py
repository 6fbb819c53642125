"""The corruptions by name, each with the strengths at which detectors are compared."""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from mmeiou.corruptions import pixels
from mmeiou.corruptions.pixels import Image


class Corruption(NamedTuple):
    """A way to spoil pixels.

    Attributes:
        apply: Picture, strength and generator to a new picture of the same size.
        unit: What a strength counts.
        strengths: From mild to severe.
        limits: Least and greatest strength that has a meaning.
    """

    apply: Callable[[Image, float, Generator], Image]
    unit: str
    strengths: tuple[float, ...]
    limits: tuple[float, float]


_ANY = float("inf")
_LEAST = 1e-3

CORRUPTIONS = {
    "noise": Corruption(pixels.noise, "standard deviation, levels", (10, 20, 40, 60), (0, _ANY)),
    "gaussian_blur": Corruption(
        pixels.gaussian_blur, "standard deviation, pixels", (1, 2, 3, 5), (_LEAST, _ANY)
    ),
    "motion_blur": Corruption(pixels.motion_blur, "length, pixels", (5, 9, 15, 25), (1, _ANY)),
    "jpeg": Corruption(pixels.jpeg, "quality", (50, 25, 10, 5), (1, 100)),
    "darkness": Corruption(
        pixels.brightness, "factor of all levels", (0.5, 0.25, 0.12, 0.06), (0, 1)
    ),
    "overexposure": Corruption(
        pixels.brightness, "factor of all levels", (1.5, 2, 3, 4), (1, _ANY)
    ),
    "low_contrast": Corruption(
        pixels.contrast, "factor of differences from the mean", (0.5, 0.25, 0.12, 0.06), (0, 1)
    ),
    "grey": Corruption(pixels.grey, "share of colour taken away", (1,), (0, 1)),
    "downscale": Corruption(
        pixels.downscale, "factor of both sides, then enlarged", (2, 3, 4, 6), (1, _ANY)
    ),
}


def corrupt(image: Image, kind: str, strength: float, rng: Generator) -> Image:
    """A corrupted copy.

    Args:
        image: uint8 BGR (h, w, 3).
        kind: One of :data:`CORRUPTIONS`.
        strength: In the unit that stands there.
        rng: Of noise and of the direction of a motion; the others draw nothing.

    Raises:
        ValueError: If there is no such kind, or the strength is outside its limits.
    """
    check(kind, strength)
    return CORRUPTIONS[kind].apply(image, strength, rng)


def check(kind: str, *strengths: float) -> None:
    """Refuse what :func:`corrupt` would.

    Raises:
        ValueError: If there is no such kind, or a strength is outside its limits.
    """
    if kind not in CORRUPTIONS:
        raise ValueError(f"no corruption {kind!r}; there are {', '.join(CORRUPTIONS)}")
    low, high = CORRUPTIONS[kind].limits
    for strength in strengths:
        if not low <= strength <= high:
            raise ValueError(
                f"{kind} of strength {strength}: expected {low:g} to {high:g} "
                f"({CORRUPTIONS[kind].unit})"
            )


def rng_of(*key: object) -> Generator:
    """A generator that follows from the key alone, as from the name of a picture.

    >>> float(rng_of("a.jpg", 3).random()) == float(rng_of("a.jpg", 3).random())
    True
    """
    digest = sha256(repr(key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))
