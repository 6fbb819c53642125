"""Corruptions of pixels. Each takes uint8 BGR (h, w, 3) and returns a new picture of that size.

All have one signature: the picture, a strength in a unit that the function names, and a generator
for those that draw.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_LEVELS = np.arange(256, dtype=np.float64)


def noise(image: Image, strength: float, rng: Generator) -> Image:
    """Gaussian noise, each channel of each pixel alone; ``strength`` is its deviation in levels."""
    values = rng.standard_normal(image.shape, dtype=np.float32)
    values *= strength
    values += image
    return np.rint(values, out=values).clip(0, 255, out=values).astype(np.uint8)


def gaussian_blur(image: Image, strength: float, rng: Generator) -> Image:  # noqa: ARG001
    """A lens out of focus; ``strength`` is the deviation in pixels."""
    return _bytes(cv2.GaussianBlur(image, (0, 0), strength))


def motion_blur(image: Image, strength: float, rng: Generator) -> Image:
    """A camera that moves along a line of ``strength`` pixels, in a direction that is drawn."""
    radians = rng.uniform(0, np.pi)
    half = (strength - 1) / 2
    reach = int(np.ceil(max(half, 0)))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    # Many more points than pixels, so that the line is as dense in every direction.
    along = np.linspace(-half, half, 8 * reach + 1) if half > 0 else np.zeros(1)
    x, y = along * np.cos(radians) + reach, along * np.sin(radians) + reach
    np.add.at(kernel, (np.rint(y).astype(int), np.rint(x).astype(int)), 1)
    return _bytes(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101))


def jpeg(image: Image, strength: float, rng: Generator) -> Image:  # noqa: ARG001
    """Compression; ``strength`` is the quality, 1 to 100, rounded."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, round(strength)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def brightness(image: Image, strength: float, rng: Generator) -> Image:  # noqa: ARG001
    """Values times ``strength``, cut off at white: darkness below 1, overexposure above."""
    return _mapped(image, _LEVELS * strength)


def contrast(image: Image, strength: float, rng: Generator) -> Image:  # noqa: ARG001
    """Differences from the picture's mean level times ``strength``."""
    mean = float(np.mean(cv2.mean(image)[:3]))
    return _mapped(image, (_LEVELS - mean) * strength + mean)


def grey(image: Image, strength: float, rng: Generator) -> Image:  # noqa: ARG001
    """A share ``strength`` of the colour is taken away; of 1, all three channels are the luma."""
    luma = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return _bytes(
        luma if strength == 1 else cv2.addWeighted(luma, strength, image, 1 - strength, 0)
    )


def downscale(image: Image, strength: float, rng: Generator) -> Image:  # noqa: ARG001
    """Shrunk to 1 / ``strength`` of both sides, as a distant camera does, and enlarged again."""
    height, width = image.shape[:2]
    size = (max(1, round(width / strength)), max(1, round(height / strength)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return _bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _mapped(image: Image, levels: NDArray[np.float64]) -> Image:
    return _bytes(cv2.LUT(image, np.rint(levels).clip(0, 255).astype(np.uint8)))


def _bytes(image: NDArray[np.generic]) -> Image:
    """What OpenCV returns, by the type that it has."""
    return np.asarray(image, dtype=np.uint8)
