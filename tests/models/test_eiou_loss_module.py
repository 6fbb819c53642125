import pytest
import torch

from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.models import EIoULoss

PRED = torch.tensor([[0.0, 0, 4, 2], [1, 1, 3, 3], [5, 5, 9, 6]])
TARGET = torch.tensor([[0.0, 0, 4, 3], [0, 0, 3, 2], [0, 0, 2, 2]])


def test_follows_mmdetections_contract() -> None:
    each = eiou_loss(PRED, TARGET, smooth_point=0.2)
    module = EIoULoss(smooth_point=0.2, loss_weight=3.0)
    weight = torch.tensor([1.0, 0.5, 0.0])
    torch.testing.assert_close(module(PRED, TARGET), 3 * each.mean())
    torch.testing.assert_close(module(PRED, TARGET, avg_factor=2.0), 3 * each.sum() / 2)
    torch.testing.assert_close(module(PRED, TARGET, reduction_override="none"), 3 * each)
    torch.testing.assert_close(
        module(PRED, TARGET, weight, reduction_override="sum"), 3 * (each * weight).sum()
    )
    torch.testing.assert_close(
        module(PRED, TARGET, weight[:, None].repeat(1, 4)), module(PRED, TARGET, weight)
    )


def test_nothing_to_learn_gives_zero_with_a_gradient() -> None:
    pred = PRED.clone().requires_grad_()
    EIoULoss()(pred, TARGET, torch.zeros(3)).backward()
    assert pred.grad is not None
    assert pred.grad.abs().max() == 0
    assert EIoULoss()(PRED[:0], TARGET[:0], avg_factor=1.0) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"smooth_point": 0.0}, "smooth_point"), ({"reduction": "average"}, "reduction")],
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EIoULoss(**arguments)


def test_wrong_override() -> None:
    with pytest.raises(ValueError, match="reduction_override"):
        EIoULoss()(PRED, TARGET, reduction_override="average")
