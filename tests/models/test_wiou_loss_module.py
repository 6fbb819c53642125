"""The running mean of version 3."""

import pytest
import torch
from torch import Tensor

from mmeiou.functional.wiou_loss import wiou_loss
from mmeiou.models import WIoULoss

TARGET = torch.tensor([[0.0, 0, 4, 2]]).repeat(3, 1)


def narrower(*ious: float) -> Tensor:
    """Boxes of these IoUs with the targets."""
    boxes = TARGET.clone()
    boxes[:, 2] *= torch.tensor(ious)
    return boxes


def test_moves_towards_the_mean_of_each_call_and_is_used_then() -> None:
    loss = WIoULoss(momentum=0.1)
    assert float(loss.mean_iou_loss) == 1
    pred = narrower(0.9, 0.5, 0.7)  # mean of 1 - IoU: 0.3
    value = loss(pred, TARGET, reduction_override="none")
    assert float(loss.mean_iou_loss) == pytest.approx(0.9 + 0.1 * 0.3)
    torch.testing.assert_close(value, wiou_loss(pred, TARGET, torch.tensor(0.93)))
    loss(pred, TARGET)
    assert float(loss.mean_iou_loss) == pytest.approx(0.9 * 0.93 + 0.1 * 0.3)


def test_boxes_without_weight_do_not_count() -> None:
    loss = WIoULoss(momentum=0.5)
    loss(narrower(0.9, 0.5, 0.1), TARGET, torch.tensor([1.0, 0.3, 0.0]))
    assert float(loss.mean_iou_loss) == pytest.approx(0.5 + 0.5 * 0.3)
    for pred, weight in ((narrower(0.9, 0.5, 0.1), torch.zeros(3)), (TARGET[:0], None)):
        loss(pred, TARGET[: len(pred)], weight)
        assert float(loss.mean_iou_loss) == pytest.approx(0.65)


def test_stays_in_evaluation_and_travels_with_the_state() -> None:
    loss = WIoULoss()
    loss(narrower(0.9, 0.5, 0.1), TARGET)
    mean = loss.mean_iou_loss.clone()
    loss.eval()(narrower(0.1, 0.1, 0.1), TARGET)
    assert loss.mean_iou_loss == mean
    other = WIoULoss()
    other.load_state_dict(loss.state_dict())
    assert other.mean_iou_loss == mean
    assert not WIoULoss("v1").state_dict()


def test_the_gradient_is_not_upset_by_another_call_before_it() -> None:
    """As the levels of a dense head are."""
    loss = WIoULoss(momentum=0.5)
    pred = narrower(0.9, 0.5, 0.1).requires_grad_()
    first = loss(pred, TARGET)
    second = loss(pred.detach(), TARGET)
    first.backward()
    assert pred.grad.isfinite().all()
    assert first != second


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_keeps_its_own_type(dtype: torch.dtype) -> None:
    loss = WIoULoss()
    loss(narrower(0.9, 0.5, 0.1).to(dtype), TARGET.to(dtype))
    assert loss.mean_iou_loss.dtype == torch.float32


def test_options_of_the_factor() -> None:
    pred = narrower(0.9, 0.5, 0.1)
    loss = WIoULoss(momentum=1.0, alpha=1.5, delta=2.0)  # the mean is that of the call
    torch.testing.assert_close(
        loss(pred, TARGET, reduction_override="none"),
        wiou_loss(pred, TARGET, torch.tensor(0.5), 1.5, 2.0),
    )
    torch.testing.assert_close(
        WIoULoss("v1")(pred, TARGET, reduction_override="none"), wiou_loss(pred, TARGET)
    )


def test_wrong_momentum() -> None:
    for momentum in (0.0, 1.5):
        with pytest.raises(ValueError, match=r"momentum must be in \(0, 1\]"):
            WIoULoss(momentum=momentum)
