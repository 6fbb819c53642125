"""Names of landmarks, and which are left and right of each other."""

import pytest

from mmeiou.labels.landmarks import (
    FACE_LANDMARKS,
    flip_order,
    flip_pairs_by_count,
    flip_pairs_by_name,
    landmark_names,
    pairs_of_order,
)


@pytest.mark.parametrize(
    ("count", "names"),
    [(0, ()), (1, ("point_0",)), (2, ("point_0", "point_1")), (5, FACE_LANDMARKS)],
)
def test_names(count, names):
    assert landmark_names(count) == names


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (FACE_LANDMARKS, ((0, 1), (3, 4))),
        (["right_eye", "left_eye", "nose"], ((0, 1),)),
        (["LeftEye", "RightEye"], ((0, 1),)),
        (["nose", "right_ear", "left_eye", "left_ear", "right_eye"], ((1, 3), (2, 4))),
        (["left_eye", "nose"], None),
        (["p0", "p1"], None),
        ([], None),
        (["left_left", "right_right"], ((0, 1),)),
        (["left_right", "right_left"], None),  # which is neither
    ],
)
def test_pairs_by_name(names, pairs):
    assert flip_pairs_by_name(names) == pairs


@pytest.mark.parametrize(
    ("count", "pairs"), [(0, ()), (1, None), (2, None), (5, ((0, 1), (3, 4))), (68, None)]
)
def test_pairs_by_count(count, pairs):
    assert flip_pairs_by_count(count) == pairs


@pytest.mark.parametrize(
    ("pairs", "count", "order"),
    [
        ([], 3, [0, 1, 2]),
        ([(0, 1), (3, 4)], 5, [1, 0, 2, 4, 3]),
        (((2, 0),), 3, [2, 1, 0]),
        ((), 0, []),
    ],
)
def test_order(pairs, count, order):
    assert flip_order(pairs, count) == order
    assert {frozenset(pair) for pair in pairs_of_order(order)} == {frozenset(p) for p in pairs}


@pytest.mark.parametrize(
    ("pairs", "count"), [([(0, 3)], 3), ([(-1, 0)], 3), ([(0, 1), (1, 2)], 3), ([(1, 1)], 3)]
)
def test_pairs_that_do_not_fit(pairs, count):
    with pytest.raises(ValueError, match=f"do not fit {count} landmarks"):
        flip_order(pairs, count)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([0, 0], "1 goes to 0, but 0 to 0"),
        ([1, 2, 0], "0 goes to 1, but 1 to 2"),
        ([0, 2], "2 is none of 0 to 1"),
        ([0, -1], "-1 is none of 0 to 1"),
    ],
)
def test_orders_without_pairs(order, message):
    with pytest.raises(ValueError, match=message):
        pairs_of_order(order)
