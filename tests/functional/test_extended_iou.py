import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.extended_iou import extended_intersection_union, extended_iou


def boxes(n: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator, dtype=torch.float64) * 10
    size = torch.rand(n, 2, generator=generator, dtype=torch.float64) * 5 + 0.1
    return torch.cat([corner, corner + size], dim=1)


def signed_intersection(a: Tensor, b: Tensor) -> float:
    """Case by case, from the table of the method, lengths measured from the enclosing corner."""
    ex, ey = min(a[0], b[0]), min(a[1], b[1])
    i1x, i1y = max(a[0], b[0]) - ex, max(a[1], b[1]) - ey
    i2x, i2y = min(a[2], b[2]) - ex, min(a[3], b[3]) - ey
    w, h = i2x - i1x, i2y - i1y
    if w >= 0 and h >= 0:
        return float(w * h)
    if h >= 0:
        return float(w * (h + 2 * i1y))
    if w >= 0:
        return float(h * (w + 2 * i1x))
    return float(2 * (i2x * i2y - i1x * i1y))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 4, 2), (0, 0, 4, 2), 1.0),
        ((0, 0, 4, 2), (1, 0, 3, 2), 0.5),  # contained, half the area
        ((0, 0, 4, 2), (4, 0, 6, 3), 0.0),  # touching
        # gap of 2 in x, same top: I = -2 * (2 + 0), U = 8 + 4 + 4
        ((0, 0, 4, 2), (6, 0, 8, 2), -4 / 16),
        # gap in both: i1 = (5, 3), i2 = (4, 2): I = 2 * (8 - 15), U = 8 + 6 + 14
        ((0, 0, 4, 2), (5, 3, 8, 5), -14 / 28),
    ],
)
def test_values_derived_by_hand(a: tuple, b: tuple, expected: float) -> None:
    a, b = torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
    assert float(extended_iou(a, b)) == pytest.approx(expected)
    assert float(extended_iou(b, a)) == pytest.approx(expected)


def test_equals_the_case_by_case_form_on_random_pairs() -> None:
    a, b = boxes(1000, 1), boxes(1000, 2)
    inter, union = extended_intersection_union(a, b)
    pairs = zip(a, b, strict=True)
    expected = torch.tensor([signed_intersection(p, t) for p, t in pairs], dtype=torch.float64)
    torch.testing.assert_close(inter, expected, rtol=0, atol=1e-9)
    areas = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1)
    torch.testing.assert_close(union, areas - inter)


def test_is_the_iou_where_boxes_overlap() -> None:
    a, b = boxes(1000, 3), boxes(1000, 4)
    iou = box_iou(a, b)
    overlap = iou > 0
    assert 50 < int(overlap.sum()) < 950
    torch.testing.assert_close(extended_iou(a, b)[overlap], iou[overlap])
    assert (extended_iou(a, b)[~overlap] <= 0).all()


@given(st.floats(0.1, 20), st.floats(0.1, 20))
def test_keeps_falling_with_distance(gap: float, further: float) -> None:
    a = torch.tensor([0.0, 0.0, 4.0, 2.0], dtype=torch.float64)
    near = a + torch.tensor([4 + gap, 0, 4 + gap, 0])
    far = near + torch.tensor([further, 0, further, 0])
    assert -1 < extended_iou(a, far) < extended_iou(a, near) < 0


def test_half_precision_stays_finite_on_large_boxes() -> None:
    a = torch.tensor([0.0, 0.0, 640.0, 640.0], dtype=torch.float16)
    assert extended_iou(a, a).dtype == torch.float32
    assert extended_iou(a, a) == 1
