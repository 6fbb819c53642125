import numpy as np
from helpers.drawing_run import draw

from mmeiou.functional.seeds import seed_everything


def drawn(*key: int) -> tuple[float, float, float]:
    seed_everything(*key)
    return draw()


def test_what_is_drawn_follows_from_the_key() -> None:
    first = drawn(1, 2, 3)
    drawn(0)
    assert drawn(1, 2, 3) == first


def test_keys_that_are_alike_have_nothing_in_common() -> None:
    keys = [(seed, epoch, index) for seed in (0, 1) for epoch in range(4) for index in range(50)]
    for one in zip(*(drawn(*key) for key in keys), strict=True):
        assert len(set(one)) == len(keys)
        # uniform: the mean of 400 is within five deviations, 5 * sqrt(1 / 12 / 400)
        assert abs(np.mean(one) - 0.5) < 0.072


def test_nested_indices_are_keys_too() -> None:
    assert drawn(1, 2, (3, 4)) != drawn(1, 2, (3, 5))
