import pytest
import torch
from helpers.boxes import random_boxes
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.extended_iou import extended_iou, intersection_and_union


def boxes(n: int, seed: int, extent: float = 10) -> Tensor:
    return random_boxes(n, seed, extent, sides=(0.1, 5.1), dtype=torch.float64)


def signed_intersection(a: Tensor, b: Tensor) -> float:
    """As in the authors' code: lengths from the enclosing corner, minima and maxima."""
    ex, ey = min(a[0], b[0]), min(a[1], b[1])
    i1x, i1y = max(a[0], b[0]) - ex, max(a[1], b[1]) - ey
    i2x, i2y = min(a[2], b[2]) - ex, min(a[3], b[3]) - ey
    lx, ly, hx, hy = min(i1x, i2x), min(i1y, i2y), max(i1x, i2x), max(i1y, i2y)
    return float(i2x * i2y + lx * ly - i1x * hy - hx * i1y)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 4, 2), (0, 0, 4, 2), 1.0),
        ((0, 0, 4, 2), (1, 0, 3, 2), 0.5),  # contained, half the area
        ((0, 0, 4, 2), (4, 0, 6, 3), 0.0),  # touching
        # gap of 2 in x, same top: I = -2 * (2 + 0), U = 8 + 4 + 4
        ((0, 0, 4, 2), (6, 0, 8, 2), -4 / 16),
        # gap of 2 in x, tops apart by 1: I = -2 * (1 + 2 * 1), U = 8 + 4 + 6
        ((0, 0, 4, 2), (6, 1, 8, 3), -6 / 18),
        # gap in both: i1 = (5, 3), i2 = (4, 2): I = 2 * (8 - 15), U = 8 + 6 + 14
        ((0, 0, 4, 2), (5, 3, 8, 5), -14 / 28),
    ],
)
def test_values_derived_by_hand(a: tuple, b: tuple, expected: float) -> None:
    a, b = torch.tensor([[a], [b]], dtype=torch.float64)
    assert float(extended_iou(a, b)) == pytest.approx(expected)
    assert float(extended_iou(b, a)) == pytest.approx(expected)


@pytest.mark.parametrize("spread", [3.0, 10.0, 100.0])
def test_equals_the_authors_form_on_random_pairs(spread: float) -> None:
    a, b = boxes(1000, 1, spread), boxes(1000, 2, spread)
    found = intersection_and_union(a, b)[0]
    pairs = zip(a, b, strict=True)
    inter = torch.tensor([signed_intersection(p, t) for p, t in pairs], dtype=torch.float64)
    torch.testing.assert_close(found, inter, rtol=0, atol=1e-9)
    areas = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1)
    torch.testing.assert_close(extended_iou(a, b), inter / (areas - inter), rtol=0, atol=1e-9)


def test_is_the_iou_where_boxes_overlap() -> None:
    a, b = boxes(1000, 3), boxes(1000, 4)
    iou = box_iou(a, b)
    overlap = iou > 0
    assert 50 < int(overlap.sum()) < 950
    torch.testing.assert_close(extended_iou(a, b)[overlap], iou[overlap])
    assert (extended_iou(a, b)[~overlap] <= 0).all()


@given(st.floats(0.1, 20), st.floats(0.1, 20))
def test_keeps_falling_with_distance(gap: float, further: float) -> None:
    a = torch.tensor([[0.0, 0.0, 4.0, 2.0]], dtype=torch.float64)
    near = a + torch.tensor([4 + gap, 0, 4 + gap, 0])
    far = near + torch.tensor([further, 0, further, 0])
    assert -1 < extended_iou(a, far) < extended_iou(a, near) < 0


def test_half_precision_stays_finite_on_large_boxes() -> None:
    a = torch.tensor([[0.0, 0.0, 640.0, 640.0]], dtype=torch.float16)
    assert extended_iou(a, a).dtype == torch.float32
    assert extended_iou(a, a) == 1


def mirror(box: Tensor, axis: int) -> Tensor:
    """The box in a world where this axis points the other way."""
    box = box.clone()
    box[..., axis], box[..., axis + 2] = -box[..., axis + 2].clone(), -box[..., axis].clone()
    return box


def test_only_the_mirror_symmetric_form_is_blind_to_mirrors() -> None:
    a, b = boxes(500, 5), boxes(500, 6)
    expected = torch.zeros(500, dtype=torch.float64)
    symmetric = extended_iou(a, b, mirror_symmetric=True)
    for axes in ((), (0,), (1,), (0, 1)):
        c, d = a, b
        for axis in axes:
            c, d = mirror(c, axis), mirror(d, axis)
        torch.testing.assert_close(extended_iou(c, d, mirror_symmetric=True), symmetric)
        expected += intersection_and_union(c, d)[0] / 4
    # the mean over the mirror images, as the docstring proves
    torch.testing.assert_close(intersection_and_union(a, b, mirror_symmetric=True)[0], expected)
    assert (extended_iou(mirror(a, 0), mirror(b, 0)) - extended_iou(a, b)).abs().max() > 0.1


@pytest.mark.parametrize("mirror_symmetric", [False, True])
def test_pairs_and_batches(mirror_symmetric: bool) -> None:
    a, b = boxes(2 * 7, 7).view(2, 7, 4), boxes(2 * 5, 8).view(2, 5, 4)
    pairs = extended_iou(a, b, aligned=False, mirror_symmetric=mirror_symmetric)
    assert pairs.shape == (2, 7, 5)
    for image in range(2):
        for i in range(7):
            row = extended_iou(
                a[image, i].expand(5, 4), b[image], mirror_symmetric=mirror_symmetric
            )
            torch.testing.assert_close(pairs[image, i], row)
    assert extended_iou(a[0], b[0, :0], aligned=False).shape == (7, 0)
    assert extended_iou(a[0, :0], b[0, :0]).shape == (0,)


@pytest.mark.parametrize("mirror_symmetric", [False, True])
@given(st.lists(st.floats(-100, 100), min_size=8, max_size=8))
def test_range_and_symmetry_for_any_coordinates(
    mirror_symmetric: bool, coordinates: list[float]
) -> None:
    """Inverted boxes included."""
    a, b = torch.tensor(coordinates, dtype=torch.float64).view(2, 1, 4)
    value = extended_iou(a, b, mirror_symmetric=mirror_symmetric)
    assert -1 <= value <= 1
    torch.testing.assert_close(value, extended_iou(b, a, mirror_symmetric=mirror_symmetric))


@pytest.mark.parametrize(
    ("pred", "target", "aligned", "message"),
    [
        ((3, 5), (3, 4), True, r"x1 y1 x2 y2.*\(3, 5\).*\(3, 4\)"),
        ((4,), (4,), True, "x1 y1 x2 y2"),
        ((3, 4), (2, 4), True, "aligned=False"),
    ],
)
def test_what_are_no_pairs_of_boxes(
    pred: tuple, target: tuple, aligned: bool, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        extended_iou(torch.zeros(pred), torch.zeros(target), aligned=aligned)
