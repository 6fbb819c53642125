import pytest
import torch

from mmeiou.functional.eiou_loss import eiou_loss


@pytest.mark.parametrize(
    ("pred", "expected"),
    [
        ((0, 0, 1, 1), 0.0),
        ((1, 0, 2, 1), 0.95),  # touching side by side
        ((1, 1, 2, 2), 0.95),  # touching at the corner
        ((-1, -1, 1, 1), 0.70),  # IoU 1/4
        ((3, 0, 4, 1), 1.45),
        ((5, 5, 6, 6), 1.91),
        ((0.5, 0.5, 0.5, 0.5), 0.95),  # no area
    ],
)
def test_values_derived_by_hand(pred: tuple, expected: float) -> None:
    target = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    loss = eiou_loss(torch.tensor([pred], dtype=torch.float32), target, smooth_point=0.1)
    assert float(loss) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("smooth_point", [0.1, 0.2, 1.0])
def test_both_sides_of_the_knee(smooth_point: float) -> None:
    target = torch.tensor([[0.0, 0.0, 10.0, 4.0]], dtype=torch.float64)
    for iou in (1 - smooth_point / 2, 1 - smooth_point - 0.05):
        if iou <= 0:
            continue
        # narrower by the factor iou: contained, so that its IoU is that factor
        pred = torch.tensor([[0.0, 0.0, 10 * iou, 4.0]], dtype=torch.float64)
        d = 1 - iou
        expected = d * d / (2 * smooth_point) if d < smooth_point else d - smooth_point / 2
        assert float(eiou_loss(pred, target, smooth_point)) == pytest.approx(expected)
        pred.requires_grad_()
        assert torch.autograd.gradcheck(lambda p: eiou_loss(p, target, smooth_point), (pred,))


def test_gradient_vanishes_at_the_minimum_and_pulls_from_afar() -> None:
    target = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
    same = target.clone().requires_grad_()
    eiou_loss(same, target).sum().backward()
    assert same.grad is not None
    assert same.grad.abs().max() == 0
    far = (target + 30).requires_grad_()
    eiou_loss(far, target).sum().backward()
    assert far.grad is not None
    assert (far.grad[0, :2] > 0).all()  # moving the near corner towards the target helps


@pytest.mark.parametrize("smooth_point", [0, -0.1, 1.5, float("nan")])
def test_knee_outside_its_range(smooth_point: float) -> None:
    with pytest.raises(ValueError, match="smooth_point must be in"):
        eiou_loss(torch.zeros(1, 4), torch.zeros(1, 4), smooth_point)


def test_shapes_must_match() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4\).*\(1, 4\)"):
        eiou_loss(torch.zeros(2, 4), torch.zeros(1, 4))


def test_degenerate_inverted_and_no_boxes_stay_finite() -> None:
    pred = torch.tensor([[1.0, 1, 1, 1], [3, 3, 1, 1], [0, 0, 1e4, 1e4]], requires_grad=True)
    target = torch.tensor([[1.0, 1, 1, 1], [0, 0, 2, 2], [0, 0, 0, 0]])
    loss = eiou_loss(pred, target)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert pred.grad is not None
    assert pred.grad.isfinite().all()
    assert eiou_loss(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0,)
