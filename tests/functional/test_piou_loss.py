from math import exp

import pytest
import torch
from helpers.boxes import check_naive, naive_iou

from mmeiou.functional.piou_loss import piou_loss

TARGET = torch.tensor([[0.0, 0, 4, 2]])


def test_values_by_hand() -> None:
    """Edges are 4 and 2 of a width of 4, 2 and 2 of a height of 2 apart."""
    pred = torch.tensor([[4.0, 2, 6, 4]])
    p = (1 + 0.5 + 1 + 1) / 4
    first = 1 + 1 - exp(-(p**2))
    assert float(piou_loss(pred, TARGET, "v1")) == pytest.approx(first)
    x = 1.3 * exp(-p)
    assert float(piou_loss(pred, TARGET)) == pytest.approx(3 * x * exp(-x * x) * first)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_equals_the_naive_form(version: str) -> None:
    def naive(p: list, t: list) -> float:
        width, height = t[2] - t[0], t[3] - t[1]
        p_ = sum(
            abs(a - b) / size
            for a, b, size in zip(p, t, (width, height, width, height), strict=True)
        )
        loss = 1 - naive_iou(p, t) + 1 - exp(-((p_ / 4) ** 2))
        x = 1.3 * exp(-p_ / 4)
        return loss if version == "v1" else 3 * x * exp(-(x**2)) * loss

    check_naive(lambda p, t: piou_loss(p, t, version), naive)


@pytest.mark.parametrize(("shift", "pushed"), [(7.5, False), (7.7, True)])  # P = 0.94, 0.96
def test_far_boxes_are_pushed_off_unless_the_attention_is_detached(
    shift: float, pushed: bool
) -> None:
    pred = (TARGET + shift * torch.tensor([1.0, 0, 1, 0])).requires_grad_()
    attached, detached, first = (
        torch.autograd.grad(loss.sum(), pred)[0]
        for loss in (
            piou_loss(pred, TARGET),
            piou_loss(pred, TARGET, detach_attention=True),
            piou_loss(pred, TARGET, "v1"),
        )
    )
    assert ((attached[0, [0, 2]] < 0) == pushed).all()
    ratio = piou_loss(pred, TARGET) / piou_loss(pred, TARGET, "v1")
    torch.testing.assert_close(detached, first * ratio.detach())
    assert (detached[0, [0, 2]] > 0).all()


def test_wrong_version() -> None:
    with pytest.raises(ValueError, match=r"version must be one of \('v1', 'v2'\), got 'v3'"):
        piou_loss(TARGET, TARGET, "v3")
