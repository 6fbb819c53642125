"""Corrupted pixels by hand, and what holds for every kind and strength."""

import cv2
import numpy as np
import pytest

from mmeiou.corruptions import CORRUPTIONS, corrupt, rng_of

STRENGTHS = [(name, strength) for name, kind in CORRUPTIONS.items() for strength in kind.strengths]
# Strengths that change nothing.
IDENTITY = {"noise": 0, "motion_blur": 1, "darkness": 1, "overexposure": 1, "low_contrast": 1}
IDENTITY |= {"grey": 0, "downscale": 1, "gaussian_blur": 0.05}


@pytest.fixture(scope="module")
def picture():
    """Smooth colours with edges, as in photographs."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(40, 200, (6, 8, 3), dtype=np.uint8), (83, 61))
    image[20:40, 30:50] = (20, 90, 230)
    return image


@pytest.mark.parametrize(("kind", "strength"), STRENGTHS)
def test_a_new_picture_that_follows_from_the_generator(picture, kind, strength):
    before = picture.copy()
    picture.flags.writeable = False  # as a cached one
    first = corrupt(picture, kind, strength, rng_of("a"))
    again = corrupt(picture, kind, strength, rng_of("a"))
    assert (first.shape, first.dtype) == (picture.shape, np.uint8)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(picture, before)
    assert not np.array_equal(first, picture)


@pytest.mark.parametrize("kind", [name for name in CORRUPTIONS if name != "grey"])
def test_stronger_is_farther_from_the_picture(picture, kind):
    off = [
        np.abs(corrupt(picture, kind, strength, rng_of("a")).astype(int) - picture).mean()
        for strength in CORRUPTIONS[kind].strengths
    ]
    assert off == sorted(off)
    assert off[0] > 0.1


@pytest.mark.parametrize(("kind", "strength"), IDENTITY.items())
def test_what_changes_nothing(picture, kind, strength):
    np.testing.assert_array_equal(corrupt(picture, kind, strength, rng_of("a")), picture)


def test_the_drawn_ones_differ_by_picture(picture):
    for kind, strength in (("noise", 20), ("motion_blur", 9)):
        first, second = (corrupt(picture, kind, strength, rng_of(name)) for name in "ab")
        assert not np.array_equal(first, second)


def test_levels_by_hand():
    column = np.array([[[0, 100, 200]]], np.uint8)
    rng = rng_of("a")
    assert corrupt(column, "darkness", 0.25, rng).ravel().tolist() == [0, 25, 50]
    assert corrupt(column, "overexposure", 2, rng).ravel().tolist() == [0, 200, 255]
    # around the mean, 100
    assert corrupt(column, "low_contrast", 0.5, rng).ravel().tolist() == [50, 100, 150]
    # 0.114 B + 0.587 G + 0.299 R
    assert corrupt(column, "grey", 1, rng).ravel().tolist() == [119] * 3


def test_noise_has_its_deviation():
    flat = np.full((200, 200, 3), 128, np.uint8)
    found = corrupt(flat, "noise", 10, rng_of("a")).astype(float) - 128
    assert found.mean() == pytest.approx(0, abs=0.1)
    # and that of rounding
    assert found.std() == pytest.approx(np.sqrt(100 + 1 / 12), rel=0.02)


@pytest.mark.parametrize("length", [5, 9, 15, 25])
def test_a_point_moves_along_its_line(length):
    point = np.zeros((61, 61, 3), np.uint8)
    point[30, 30] = 255
    for name in range(5):
        smeared = corrupt(point, "motion_blur", length, rng_of(name))[..., 0]
        y, x = np.nonzero(smeared)
        reach = max(np.ptp(x), np.ptp(y)) + 1
        assert length / np.sqrt(2) - 2 <= reach <= length
        # the same to both sides, and all light there is
        assert (x.mean(), y.mean()) == pytest.approx((30, 30), abs=0.5)
        assert float(smeared.sum()) == pytest.approx(255, rel=0.2)


def test_jpeg_is_that_of_opencv(picture):
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 10])[1]
    np.testing.assert_array_equal(
        corrupt(picture, "jpeg", 10.2, rng_of("a")), cv2.imdecode(data, cv2.IMREAD_COLOR)
    )


def test_downscaled_by_a_whole_number_are_means_of_blocks(picture):
    even = picture[:60, :80]
    blocks = even.reshape(30, 2, 40, 2, 3).astype(float).mean(axis=(1, 3))
    back = cv2.resize(np.rint(blocks).astype(np.uint8), (80, 60), interpolation=cv2.INTER_LINEAR)
    found = corrupt(even, "downscale", 2, rng_of("a"))
    assert np.abs(found.astype(int) - back).max() <= 1


@pytest.mark.parametrize(
    ("kind", "strength", "message"),
    [
        ("fog", 1, r"no corruption 'fog'; there are noise, gaussian_blur"),
        ("jpeg", 0, r"jpeg of strength 0: expected 1 to 100 \(quality\)"),
        ("darkness", 1.5, "darkness of strength 1.5: expected 0 to 1"),
        ("gaussian_blur", 0, "gaussian_blur of strength 0"),
        ("noise", float("nan"), "noise of strength nan"),
    ],
)
def test_what_has_no_meaning_is_refused(picture, kind, strength, message):
    with pytest.raises(ValueError, match=message):
        corrupt(picture, kind, strength, rng_of("a"))
