import pytest
import torch
from helpers.boxes import check_naive, naive_pair

from mmeiou.functional.efficient_iou_loss import efficient_iou_loss


def test_values_by_hand() -> None:
    """(4, 2, 6, 4) touches (0, 0, 4, 2) at a corner; the enclosing box is 6 x 4."""
    pred, target = torch.tensor([[4.0, 2, 6, 4]]), torch.tensor([[0.0, 0, 4, 2]])
    expected = 1 + 13 / 52 + (2 / 6) ** 2 + (0 / 4) ** 2
    assert float(efficient_iou_loss(pred, target)) == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_equals_the_naive_form(gamma: float) -> None:
    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        loss = 1 - pair.iou + (pair.dx**2 + pair.dy**2) / (pair.cw**2 + pair.ch**2)
        loss += ((pair.w - pair.wt) / pair.cw) ** 2 + ((pair.h - pair.ht) / pair.ch) ** 2
        return pair.iou**gamma * loss

    check_naive(lambda p, t: efficient_iou_loss(p, t, gamma), naive)


def test_the_focal_weight_passes_no_gradient() -> None:
    target = torch.tensor([[0.0, 0, 4, 2]])
    pred = torch.tensor([[0.0, 0, 1, 2]], requires_grad=True)  # IoU 1 / 4
    (plain,) = torch.autograd.grad(efficient_iou_loss(pred, target).sum(), pred)
    (focal,) = torch.autograd.grad(efficient_iou_loss(pred, target, 0.5).sum(), pred)
    torch.testing.assert_close(focal, plain / 2)


def test_wrong_gamma() -> None:
    with pytest.raises(ValueError, match="gamma must be 0 or above, got -1"):
        efficient_iou_loss(torch.zeros(1, 4), torch.zeros(1, 4), -1)
