from math import exp

import pytest
import torch
from helpers.boxes import check_naive, naive_pair

from mmeiou.functional.shape_iou_loss import shape_iou_loss


def test_values_by_hand() -> None:
    """(0, 0, 2, 2) in (0, 0, 4, 2): IoU 1 / 2, centres 1 apart in x, half as wide."""
    pred, target = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 4, 2]])
    expected = 0.5 + 1 / 20 + (1 - exp(-0.5)) ** 4 / 2
    assert float(shape_iou_loss(pred, target)) == pytest.approx(expected)
    # scale 1: ww = 2 * 4 / 6, hh = 2 * 2 / 6
    expected = 0.5 + 2 / 3 / 20 + (1 - exp(-2 / 3 * 0.5)) ** 4 / 2
    assert float(shape_iou_loss(pred, target, 1.0)) == pytest.approx(expected)


@pytest.mark.parametrize(("scale", "theta"), [(0.0, 4.0), (1.5, 2.0)])
def test_equals_the_naive_form(scale: float, theta: float) -> None:
    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        ww = 2 * pair.wt**scale / (pair.wt**scale + pair.ht**scale)
        hh = 2 * pair.ht**scale / (pair.wt**scale + pair.ht**scale)
        distance = (hh * pair.dx**2 + ww * pair.dy**2) / (pair.cw**2 + pair.ch**2)
        of_width = hh * abs(pair.w - pair.wt) / max(pair.w, pair.wt)
        of_height = ww * abs(pair.h - pair.ht) / max(pair.h, pair.ht)
        shape = (1 - exp(-of_width)) ** theta + (1 - exp(-of_height)) ** theta
        return 1 - pair.iou + distance + 0.5 * shape

    check_naive(lambda p, t: shape_iou_loss(p, t, scale, theta), naive)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"scale": -1.0}, "scale must be 0 or above"), ({"theta": 0.5}, "theta must be 1 or above")],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        shape_iou_loss(torch.zeros(1, 4), torch.zeros(1, 4), **options)
