"""Turned pixels lie where the turned coordinates say."""

import numpy as np
import pytest

from mmeiou.corruptions import rotate
from mmeiou.functional.rotation import map_points, rotation


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_quarter_turns_are_numpys(quarters):
    image = np.random.default_rng(0).integers(0, 256, (30, 47, 3), dtype=np.uint8)
    matrix, size = rotation(90 * quarters, (47, 30), expand=True)
    np.testing.assert_array_equal(rotate(image, matrix, size), np.rot90(image, quarters))


@pytest.mark.parametrize("angle", [-77, -30, 12, 45])
def test_a_spot_goes_where_its_point_goes(angle):
    image = np.zeros((80, 120, 3), np.uint8)
    image[19:22, 89:92] = 255  # its centre is (90.5, 20.5)
    matrix, size = rotation(angle, (120, 80), expand=True)
    turned = rotate(image, matrix, size, fill=0)[..., 0].astype(float)
    y, x = np.indices(turned.shape)
    centre = ((x + 0.5) * turned).sum() / turned.sum(), ((y + 0.5) * turned).sum() / turned.sum()
    expected = map_points(np.array([90.5, 20.5]), matrix)
    np.testing.assert_allclose(centre, expected, atol=0.05)


def test_what_is_not_known_is_filled():
    image = np.zeros((40, 40, 3), np.uint8)
    matrix, size = rotation(45, (40, 40))
    assert rotate(image, matrix, size, fill=99)[0, 0].tolist() == [99] * 3
    assert rotate(image[..., 0], matrix, size, fill=99)[0, 0] == 99
