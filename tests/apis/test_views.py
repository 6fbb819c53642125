"""Sizes at which an image is looked at."""

import numpy as np
import pytest

from mmeiou.apis.views import LARGEST_FACE, make_views, padded_size

IMAGE = np.random.default_rng(0).integers(0, 256, (60, 100, 3), dtype=np.uint8)
INF = float("inf")


@pytest.mark.parametrize(
    ("scales", "max_side", "fit", "sizes"),
    [
        ((1,), None, None, [(100, 60)]),
        ((2, 0.5, 1), None, None, [(50, 30), (100, 60), (200, 120)]),
        ((0.25, 1, 2), 50, None, [(25, 15), (50, 30)]),  # 1 and 2 are the same then
        ((1,), 1000, None, [(100, 60)]),  # a limit enlarges nothing
        ((1, 2), None, (160, 64), [(100, 60), (107, 64)]),  # 64 / 60 is all there is room for
        ((1,), None, (50, 64), [(50, 30)]),
        ((0.001,), None, None, [(1, 1)]),
    ],
)
def test_sizes(scales, max_side, fit, sizes) -> None:
    views = list(make_views(IMAGE, scales, max_side, fit))
    assert [view.pixels.shape[1::-1] for view in views] == sizes
    assert [view.scale for view in views] == [(w / 100, h / 60) for w, h in sizes]
    assert [view.largest_face for view in views] == [INF, *[LARGEST_FACE] * (len(sizes) - 1)]


def test_one_to_one_is_the_image_and_half_is_the_average_of_four() -> None:
    half, whole = make_views(IMAGE, (1, 0.5), None, None)
    assert whole.pixels is IMAGE
    average = IMAGE.reshape(30, 2, 50, 2, 3).mean(axis=(1, 3))
    assert np.abs(half.pixels - average).max() <= 0.5


@pytest.mark.parametrize(("shape", "size"), [((60, 100), (128, 64)), ((1, 1), (32, 32))])
def test_padding(shape, size) -> None:
    assert padded_size(np.zeros((*shape, 3), np.uint8), 32) == size
    assert padded_size(np.zeros((*size[::-1], 3), np.uint8), 32) == size
