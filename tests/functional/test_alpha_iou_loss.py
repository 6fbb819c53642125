import pytest
import torch
from helpers.boxes import check_naive, naive_pair, random_boxes
from mmdet.models.losses.iou_loss import ciou_loss, diou_loss, giou_loss

from mmeiou.functional.alpha_iou_loss import alpha_iou_loss

MMDET = {"giou": giou_loss, "diou": diou_loss, "ciou": ciou_loss}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        # (1, 0, 5, 2) against (0, 0, 4, 2): IoU 6 / 10, enclosing box 5 x 2
        ("iou", 1 - 0.6**2),
        ("giou", 1 - 0.6**2),  # nothing of the enclosing box is outside the union
        ("diou", 1 - 0.6**2 + (1 / 29) ** 2),
        ("ciou", 1 - 0.6**2 + (1 / 29) ** 2),  # the shapes are the same
    ],
)
def test_values_by_hand(base: str, expected: float) -> None:
    pred, target = torch.tensor([[1.0, 0, 5, 2]]), torch.tensor([[0.0, 0, 4, 2]])
    assert float(alpha_iou_loss(pred, target, 2.0, base)) == pytest.approx(expected)


def test_values_by_hand_where_the_penalties_count() -> None:
    """(4, 2, 6, 4) touches (0, 0, 4, 2) at a corner: of 6 x 4, the union fills 12."""
    pred, target = torch.tensor([[4.0, 2, 6, 4]]), torch.tensor([[0.0, 0, 4, 2]])
    assert float(alpha_iou_loss(pred, target, 3, "giou")) == pytest.approx(1 + (12 / 24) ** 3)
    # centres (5, 3) and (2, 1): 13 apart, squared; the enclosing box's diagonal has 52
    assert float(alpha_iou_loss(pred, target, 3, "diou")) == pytest.approx(1 + (13 / 52) ** 3)


def test_equals_the_naive_form() -> None:
    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        distance = (pair.dx**2 + pair.dy**2) / (pair.cw**2 + pair.ch**2)
        return 1 - pair.iou**3 + distance**3

    check_naive(lambda p, t: alpha_iou_loss(p, t, 3, "diou"), naive)


@pytest.mark.parametrize("base", MMDET)
def test_exponent_1_is_mmdetections_base(base: str) -> None:
    target = random_boxes(500, 1, 100, (5, 80), torch.float64)
    near = target[:200] + random_boxes(200, 2, 5, (0, 5), torch.float64)
    pred = torch.cat([near, random_boxes(300, 0, 100, (5, 80), torch.float64)])
    pred.requires_grad_()
    outcomes = []
    for function in (lambda p, t: alpha_iou_loss(p, t, 1, base), MMDET[base]):
        loss = function(pred, target)
        if loss.dim() == 0:  # MMDetection's reduces
            loss = MMDET[base](pred, target, reduction="none")
        outcomes.append((loss, *torch.autograd.grad(loss.sum(), pred)))
    for ours, theirs in zip(*outcomes, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)  # theirs adds its eps


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.5}, "alpha must be 1 or above, got 0.5"),
        ({"alpha": float("nan")}, "alpha"),
        ({"base": "siou"}, r"base must be one of .*'ciou'\), got 'siou'"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        alpha_iou_loss(torch.zeros(1, 4), torch.zeros(1, 4), **options)
