from math import exp, log

import pytest
import torch
from helpers.boxes import check_naive, naive_pair

from mmeiou.functional.wiou_loss import wiou_loss

TARGET = torch.tensor([[0.0, 0, 4, 2]])


def test_values_by_hand() -> None:
    """(1, 0, 5, 2) against (0, 0, 4, 2): IoU 6 / 10, centres 1 apart, the diagonal squared 29."""
    pred = torch.tensor([[1.0, 0, 5, 2]])
    first = exp(1 / 29) * 0.4
    assert float(wiou_loss(pred, TARGET)) == pytest.approx(first)
    # outlier degree 0.4 / 0.2 = 2
    factor = 2 / (3 * 1.9 ** (2 - 3))
    assert float(wiou_loss(pred, TARGET, torch.tensor(0.2))) == pytest.approx(factor * first)


@pytest.mark.parametrize("mean", [None, 0.3])
def test_equals_the_naive_form(mean: float | None) -> None:
    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        loss = exp((pair.dx**2 + pair.dy**2) / (pair.cw**2 + pair.ch**2)) * (1 - pair.iou)
        degree = 3 if mean is None else (1 - pair.iou) / mean
        return degree / (3 * 1.9 ** (degree - 3)) * loss

    given = None if mean is None else torch.tensor(mean, dtype=torch.float64)
    check_naive(lambda p, t: wiou_loss(p, t, given), naive)


def test_the_diagonal_and_the_factor_pass_no_gradient() -> None:
    """Two unit boxes d apart along x: exp(d^2 / c^2), c^2 = (d + 1)^2 + 1, changes by 2 d / c^2."""
    target = torch.tensor([[0.0, 0, 1, 1]])
    shift = torch.tensor(3.0, requires_grad=True)
    pred = target + shift * torch.tensor([1.0, 0, 1, 0])
    (gradient,) = torch.autograd.grad(wiou_loss(pred, target).sum(), shift, retain_graph=True)
    assert float(gradient) == pytest.approx(exp(9 / 17) * 6 / 17)
    mean = torch.tensor(0.5)  # outlier degree 2
    (focused,) = torch.autograd.grad(wiou_loss(pred, target, mean).sum(), shift)
    assert float(focused) == pytest.approx(float(gradient) * 2 / (3 * 1.9 ** (2 - 3)))


def test_the_factor_is_largest_for_middling_boxes() -> None:
    ious = torch.linspace(0.01, 0.99, 99)
    pred = torch.stack([0 * ious, 0 * ious, ious, 1 + 0 * ious], dim=1)  # narrower by the IoU
    target = torch.tensor([[0.0, 0, 1, 1]]).expand(99, 4)
    mean = torch.tensor(0.2)
    factor = wiou_loss(pred, target, mean) / wiou_loss(pred, target)
    best = (1 - ious[factor.argmax()]) / mean
    assert float(best) == pytest.approx(1 / log(1.9), abs=0.05)


def test_stays_finite_where_all_boxes_are_perfect() -> None:
    pred = torch.tensor([[0.0, 0, 4, 2], [50, 50, 60, 60]], requires_grad=True)
    loss = wiou_loss(pred, TARGET.expand(2, 4), torch.tensor(0.0))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert pred.grad.isfinite().all()


def test_wrong_options() -> None:
    for options in ({"alpha": 1.0}, {"delta": 0.0}):
        with pytest.raises(ValueError, match="alpha must be above 1 and delta above 0"):
            wiou_loss(TARGET, TARGET, torch.tensor(1.0), **options)
