"""Whole pictures: a piece of a photograph, heads with faces, and decoys pasted the same way."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .heads import CANVAS_ORIGIN, CROP, Head, draw_head
from .placement import Spot, find_spot
from .sources import Gray, Image, Sources, random_square

Floats = NDArray[np.float32]

IMAGE_SIDES = (256, 512)  # pixels, width and height drawn apart
EMPTY_SHARE = 0.12  # of the pictures show no face
_ZOOMS = (0.5, 2.5)  # limits of a photograph's enlargement
_MAX_FACES = 10
_MAX_DECOYS = 8
_MAX_RESOLUTION = 4  # beyond it the faces have nothing more to show


@dataclass(frozen=True)
class Scene:
    """A labelled picture.

    Attributes:
        image: uint8 BGR.
        bboxes: float32 (n, 4), x1 y1 x2 y2 in pixels, all inside the picture.
        landmarks: float32 (n, 5, 2), x y in pixels, in WIDER's order.
    """

    image: Image
    bboxes: Floats
    landmarks: Floats


def compose(rng: np.random.Generator, sources: Sources) -> Scene:
    """Compose one picture; equal generators and sources give equal pictures.

    Args:
        rng: Source of every random choice.
        sources: Faces, decoys and photographs to choose from.

    Returns:
        The picture with the boxes and landmarks of its faces.
    """
    width, height = rng.integers(IMAGE_SIDES[0], IMAGE_SIDES[1] + 1, 2).tolist()
    n_faces = 0 if rng.random() < EMPTY_SHARE else 1 + rng.binomial(_MAX_FACES - 1, 0.4)
    n_decoys = rng.binomial(_MAX_DECOYS, 0.35)
    spots: list[Spot] = []
    for is_face in [True] * n_faces + [False] * n_decoys:
        spot = find_spot(rng, width, height, spots, is_face=is_face)
        spots += [spot] if spot else []
    image = _background(rng, sources.photos, width, height)
    for spot in sorted(spots, key=lambda spot: spot.bbox[3]):  # who stands lower stands in front
        inner = _pick(rng, sources.faces) if spot.is_face else _decoy(rng, sources)
        resolution = min(int(np.ceil(np.linalg.norm(spot.matrix[:, 1]))), _MAX_RESOLUTION)
        _paste(image, draw_head(rng, inner, sources.photos, resolution), spot.matrix)
    image += rng.uniform(0, 5) * rng.standard_normal((height, width, 1), np.float32)
    faces = [spot for spot in spots if spot.is_face]
    return Scene(
        np.clip(image, 0, 255).astype(np.uint8),
        np.array([spot.bbox for spot in faces], np.float32).reshape(-1, 4),
        np.array([spot.landmarks for spot in faces], np.float32).reshape(-1, 5, 2),
    )


def _pick(rng: np.random.Generator, crops: list[Gray]) -> Gray:
    return crops[rng.integers(len(crops))]


def _decoy(rng: np.random.Generator, sources: Sources) -> Gray:
    """What goes where a face would: a crop without one, or a piece of a photograph."""
    if rng.random() < 0.4:  # noqa: PLR2004
        return _pick(rng, sources.decoys)
    patch = cv2.cvtColor(random_square(rng, sources.photos, 0.08, 0.4), cv2.COLOR_BGR2GRAY)
    patch = cv2.resize(patch, (CROP, CROP), interpolation=cv2.INTER_AREA)
    return patch.astype(np.float32) / 255


def _background(rng: np.random.Generator, photos: list[Image], width: int, height: int) -> Floats:
    """A random piece of a random photograph, turned, mirrored and recoloured."""
    photo = photos[rng.integers(len(photos))]
    photo = np.rot90(photo, int(rng.integers(4))) if rng.random() < 0.3 else photo  # noqa: PLR2004
    zoom = np.exp(rng.uniform(*np.log(_ZOOMS)))
    w, h = int(width / zoom), int(height / zoom)
    # Where the photograph is too small it goes on in its own reflection.
    more_x, more_y = max(w - photo.shape[1], 0), max(h - photo.shape[0], 0)
    photo = cv2.copyMakeBorder(photo, 0, more_y, 0, more_x, cv2.BORDER_REFLECT)
    top, left = rng.integers(photo.shape[0] - h + 1), rng.integers(photo.shape[1] - w + 1)
    piece = np.ascontiguousarray(photo[top : top + h, left : left + w])
    piece = piece[:, ::-1] if rng.random() < 0.5 else piece  # noqa: PLR2004
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    piece = cv2.resize(piece, (width, height), interpolation=method)
    tint = (rng.uniform(0.5, 1.1) * rng.uniform(0.85, 1.15, 3)).astype(np.float32)
    return piece * tint + np.float32(rng.uniform(-10, 25))


def _paste(image: Floats, head: Head, matrix: Floats) -> None:
    """Blend a head into the picture, in place."""
    # Canvas pixel (i, j) has its centre at ((i, j) + 0.5) / resolution + origin in crop
    # coordinates; the picture's pixel centres lie half a pixel from its edges as well.
    to_crop = np.diag([1 / head.resolution] * 2 + [1.0])
    to_crop[:2, 2] = 0.5 / head.resolution + np.array(CANVAS_ORIGIN)
    warp = matrix.astype(np.float64) @ to_crop
    warp[:, 2] -= 0.5
    x, y, width, height = _covered(head.alpha.shape, warp, image.shape)
    warp[:, 2] -= x, y
    alpha = cv2.warpAffine(head.alpha, warp, (width, height), flags=cv2.INTER_LINEAR)
    bgr = cv2.warpAffine(head.bgr, warp, (width, height), flags=cv2.INTER_LINEAR)
    part = image[y : y + height, x : x + width]
    part *= 1 - alpha[..., None]
    part += 255 * bgr


def _covered(
    canvas: tuple[int, ...], warp: NDArray[np.float64], picture: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """Part of the picture, as x, y, width, height, that the warped canvas can reach."""
    height, width = canvas[:2]
    corners = warp[:, :2] @ [[0, width, 0, width], [0, 0, height, height]] + warp[:, 2:]
    low = np.maximum(np.floor(corners.min(1)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(corners.max(1)) + 2, picture[1::-1]).astype(int)
    return (*low.tolist(), *(high - low).tolist())
