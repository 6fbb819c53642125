"""One head with soft outlines: hair, neck, clothes, and a real face or a decoy in its place."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .sources import Gray, Image, random_square

Floats = NDArray[np.float32]

CROP = 25  # pixels along each side of a crop, and its extent in the coordinates used here
CANVAS_ORIGIN = (-12, -8)  # in crop coordinates, x and y: the canvas shows what lies around it
_CANVAS_SIZE = (46, 55)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_X, _Y = 10.95, 12.3  # where faces have their centre


@dataclass(frozen=True)
class Head:
    """A drawn head.

    Attributes:
        bgr: Colours, float32 (h, w, 3) in [0, 1], multiplied by ``alpha``.
        alpha: Opacity, float32 (h, w) in [0, 1].
        resolution: Canvas pixels per crop pixel.
    """

    bgr: Floats
    alpha: Floats
    resolution: int


class _Canvas:
    """Layers painted over one another through soft elliptical stencils."""

    def __init__(self, resolution: int) -> None:
        self.resolution = resolution
        width, height = (side * resolution for side in _CANVAS_SIZE)
        self.bgr = np.zeros((height, width, 3), np.float32)
        self.alpha = np.zeros((height, width), np.float32)
        self._x = ((np.arange(width) + 0.5) / resolution + CANVAS_ORIGIN[0])[None, :]
        self._y = ((np.arange(height) + 0.5) / resolution + CANVAS_ORIGIN[1])[:, None]

    def stencil(
        self, centre: tuple[float, float], axes: tuple[float, float], power: int, soft: float
    ) -> Floats:
        """Opacity of a superellipse whose edge fades over about ``soft`` crop pixels."""
        u = (abs(self._x - centre[0]) / axes[0]) ** power
        v = (abs(self._y - centre[1]) / axes[1]) ** power
        # To first order at the edge, 1 - (u + v) is `power` times the relative distance to it.
        depth = (1 - u - v).astype(np.float32) * np.float32(min(axes) / (power * soft))
        return np.clip(depth + np.float32(0.5), 0, 1)

    def paint(self, colour: Floats, stencil: Floats) -> None:
        """Lay ``colour``, one for all or one per pixel, over what is there.

        As the canvas starts black and clear, its colours stay multiplied by its opacity.
        """
        self.bgr += stencil[..., None] * (colour - self.bgr)
        self.alpha += stencil * (1 - self.alpha)


def draw_head(rng: np.random.Generator, inner: Gray, photos: list[Image], resolution: int) -> Head:
    """Draw one head around a grey crop.

    Args:
        rng: Source of every random choice.
        inner: What is shown inside the face's outline, 25 x 25 grey in [0, 1].
        photos: Where hair and clothes take their texture from.
        resolution: Canvas pixels per crop pixel.

    Returns:
        The head; crop coordinates tell the same places on it whatever ``inner`` shows.
    """
    canvas = _Canvas(resolution)
    face = _colourise(rng, _enlarge(rng, inner, resolution))
    if rng.random() < 0.6:  # noqa: PLR2004
        cheeks = slice(10 * resolution, 20 * resolution)
        _paint_bust(rng, canvas, photos, face[cheeks, cheeks].mean((0, 1)))
    hair = _hair(rng, canvas, photos) if rng.random() < 0.7 else None  # noqa: PLR2004
    if hair:
        canvas.paint(*hair)
    axes, soft = (rng.uniform(9.0, 9.6), rng.uniform(11.6, 12.2)), rng.uniform(0.4, 1.8)
    canvas.paint(_fit(canvas, face), canvas.stencil((_X, _Y), axes, power=2, soft=soft))
    if hair and rng.random() < 0.5:  # noqa: PLR2004
        colours, outline = hair
        canvas.paint(colours, outline * (1 - _opening(rng, canvas)))
    return Head(canvas.bgr, canvas.alpha, resolution)


def _paint_bust(
    rng: np.random.Generator, canvas: _Canvas, photos: list[Image], skin: Floats
) -> None:
    shade = np.float32(rng.uniform(0.7, 1.0))
    neck = canvas.stencil((_X, 27), (rng.uniform(5, 7.5), 12), power=4, soft=1.0)
    canvas.paint(shade * skin, neck)
    colour = np.clip(rng.uniform(0, 1) + rng.uniform(-0.3, 0.3, 3), 0, 1)
    shoulders = canvas.stencil((_X, 36.5), (rng.uniform(14, 21), 9), power=3, soft=0.5)
    canvas.paint(_textured(rng, canvas, photos, colour), shoulders)


def _hair(rng: np.random.Generator, canvas: _Canvas, photos: list[Image]) -> tuple[Floats, Floats]:
    """Colours and stencil of anything from a crop to a mane, black, brown, blond or grey."""
    level, warmth = rng.uniform(0.03, 0.8), rng.uniform(0, 0.6)
    colour = level * np.array([1 - warmth, 1 - 0.5 * warmth, 1])
    axes = (rng.uniform(9.5, 14), rng.uniform(11, 16))
    centre = (_X + rng.normal(0, 0.6), rng.uniform(-5.5, -1) + axes[1])
    return _textured(rng, canvas, photos, colour), canvas.stencil(
        centre, axes, 2, soft=rng.uniform(0.3, 1.8)
    )


def _opening(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    """Where a fringe and locks over the temples leave the face free: from the brows to the neck."""
    top, bottom = rng.uniform(0.5, 5), 27
    axes = (rng.uniform(7.5, 9.5), (bottom - top) / 2)
    centre = (_X + rng.normal(0, 0.6), (bottom + top) / 2)
    return canvas.stencil(centre, axes, 2, soft=rng.uniform(0.3, 1.5))


def _colourise(rng: np.random.Generator, gray: Floats) -> Floats:
    """Give a grey face a skin tone, a contrast and a light of its own.

    Each channel is the grey value to a power, above 1 for blue and below 1 for red: shadows stay
    dark and highlights bright, as on skin. One face in eight stays grey.
    """
    low, high = np.quantile(gray, (0.03, 0.97))
    dark = rng.uniform(0.02, 0.3)
    bright = rng.uniform(dark + 0.3, 1.0)
    tone = dark + (gray - low) * ((bright - dark) / max(high - low, 0.3))
    warmth = rng.uniform(0.2, 0.6) * (rng.random() < 0.875)  # noqa: PLR2004
    powers = np.array([1 + warmth, 1 + rng.uniform(0, 0.35) * warmth, 1 - 0.8 * warmth])
    powers = (powers * rng.uniform(0.8, 1.3)).astype(np.float32)
    slope = rng.uniform(-0.3, 0.3)  # light from one side
    light = 1 + slope * np.linspace(-1, 1, gray.shape[1], dtype=np.float32)[None, :, None]
    return np.clip(np.clip(tone, 0, 1)[..., None] ** powers * light, 0, 1).astype(np.float32)


def _enlarge(rng: np.random.Generator, inner: Gray, resolution: int) -> Floats:
    """Enlarge a crop, with some of the sharpness and grain that enlarging takes away.

    Without them a detector would learn that large faces are blurred, and take a sharp one for
    small. Edges come back by a shock filter: towards the brighter neighbour on the bright side of
    an edge, towards the darker one on the dark side.
    """
    side = CROP * resolution
    smooth = cv2.resize(inner, (side, side), interpolation=cv2.INTER_CUBIC)
    curvature = cv2.Laplacian(cv2.GaussianBlur(smooth, (0, 0), 0.5 * resolution), cv2.CV_32F)
    sharp = smooth
    for _ in range(resolution - 1):
        sharp = np.where(curvature < 0, cv2.dilate(sharp, _CROSS), cv2.erode(sharp, _CROSS))
    grain = rng.standard_normal(smooth.shape, np.float32)
    strengths = rng.uniform(0, 0.8), rng.uniform(0, 0.03)
    return np.clip(smooth + strengths[0] * (sharp - smooth) + strengths[1] * grain, 0, 1).astype(
        np.float32
    )


def _fit(canvas: _Canvas, face: Floats) -> Floats:
    """Extend the crop to the canvas's size; outside it, its edge pixels go on."""
    left, top = (-start * canvas.resolution for start in CANVAS_ORIGIN)
    height, width = canvas.alpha.shape
    bottom, right = height - top - face.shape[0], width - left - face.shape[1]
    fitted = cv2.copyMakeBorder(face, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(fitted, np.float32)


def _textured(
    rng: np.random.Generator, canvas: _Canvas, photos: list[Image], colour: NDArray[np.float64]
) -> Floats:
    """One colour with the relief of a random piece of a photograph."""
    patch = cv2.cvtColor(random_square(rng, photos, 0.15, 0.5), cv2.COLOR_BGR2GRAY)
    height, width = canvas.alpha.shape
    relief = cv2.resize(patch, (width, height)).astype(np.float32) / 255
    relief = 1 + np.float32(rng.uniform(0.2, 1.0)) * (relief - relief.mean())
    return np.clip(colour.astype(np.float32) * relief[..., None], 0, 1)
