import pytest
import torch
from mmdet.models.losses import EIoULoss as MMDetEIoULoss

from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.models import EIoULoss
from mmeiou.models.losses.prior_area import prior_area_kwargs

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
    none = torch.zeros(0, 4, requires_grad=True)
    loss = EIoULoss()(none, TARGET[:0])
    loss.backward()
    assert loss == 0
    assert none.grad is not None


def test_sot_by_prior_area() -> None:
    areas = torch.tensor([4.0, 2.0, 1.0])
    module = EIoULoss(sot="prior", loss_weight=2.0)
    torch.testing.assert_close(
        module(PRED, TARGET, reduction_override="none", prior_area=areas),
        2 * eiou_loss(PRED, TARGET, sot="prior", prior_area=areas),
    )
    with pytest.raises(ValueError, match="sot='prior' needs prior_area"):
        module(PRED, TARGET)
    assert prior_area_kwargs(module, areas) == {"prior_area": areas}
    for other in (EIoULoss(), EIoULoss(sot="target"), MMDetEIoULoss()):
        assert prior_area_kwargs(other, areas) == {}


def test_weights_of_another_shape() -> None:
    with pytest.raises(ValueError, match=r"weight must have the shape \(3,\).*\(2,\)"):
        EIoULoss()(PRED, TARGET, torch.ones(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"smooth_point": 0.0}, "smooth_point"),
        ({"reduction": "average"}, "reduction"),
        ({"sot": "priors"}, "sot must be"),
    ],
)
def test_wrong_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EIoULoss(**arguments)


def test_wrong_override() -> None:
    with pytest.raises(ValueError, match="reduction_override"):
        EIoULoss()(PRED, TARGET, reduction_override="average")


def test_equals_mmdetections_where_that_is_defined() -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(2, 1000, 2, generator=generator, dtype=torch.float64) * 10
    size = torch.rand(2, 1000, 2, generator=generator, dtype=torch.float64) * 6 + 0.5
    pred, target = torch.cat([corner, corner + size], dim=-1)
    for smooth_point in (0.1, 0.2):
        ours = EIoULoss(smooth_point, reduction="none")(pred, target)
        theirs = MMDetEIoULoss(smooth_point=smooth_point, reduction="none")(pred, target)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)  # it adds its eps


def test_half_precision_is_computed_in_float32() -> None:
    box = torch.tensor([[0.0, 0.0, 640.0, 640.0]], dtype=torch.float16)
    half = torch.tensor([[0.0, 0.0, 320.0, 640.0]], dtype=torch.float16)
    assert EIoULoss()(half, box).item() == pytest.approx(0.45)
    assert MMDetEIoULoss()(half, box).isnan()  # the areas overflow
