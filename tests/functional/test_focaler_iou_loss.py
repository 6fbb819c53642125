import pytest
import torch
from helpers.boxes import check_naive, naive_pair

from mmeiou.functional.focaler_iou_loss import focaler_iou_loss


@pytest.mark.parametrize(
    ("iou", "expected"), [(0.1, 1.0), (0.2, 1.0), (0.3, 0.8), (0.5, 0.4), (0.7, 0.0), (0.9, 0.0)]
)
def test_values_by_hand(iou: float, expected: float) -> None:
    """Between 0.2 and 0.7 an IoU 0.1 higher counts 0.2."""
    pred = torch.tensor([[0.0, 0, 4 * iou, 2]])  # in the target, and narrower by the IoU
    target = torch.tensor([[0.0, 0, 4, 2]])
    assert float(focaler_iou_loss(pred, target, 0.2, 0.7)) == pytest.approx(expected, abs=1e-6)


def test_equals_the_naive_form() -> None:
    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        distance = (pair.dx**2 + pair.dy**2) / (pair.cw**2 + pair.ch**2)
        if pair.iou < 0.1:
            stretched = 0.0
        elif pair.iou > 0.6:
            stretched = 1.0
        else:
            stretched = (pair.iou - 0.1) / 0.5
        return 1 - pair.iou + distance + pair.iou - stretched

    check_naive(lambda p, t: focaler_iou_loss(p, t, 0.1, 0.6, "diou"), naive)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower": 0.5, "upper": 0.5}, "0 <= lower < upper <= 1 must hold, got 0.5 and 0.5"),
        ({"lower": -0.1}, "must hold"),
        ({"upper": 1.1}, "must hold"),
        ({"base": "siou"}, "base must be one of"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        focaler_iou_loss(torch.zeros(1, 4), torch.zeros(1, 4), **options)
