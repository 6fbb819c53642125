import pytest
import torch
from helpers.boxes import check_naive, naive_iou, naive_pair, random_boxes

from mmeiou.functional.alpha_iou_loss import alpha_iou_loss
from mmeiou.functional.inner_iou_loss import inner_iou_loss


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (0.5, 1 - 1 / 7),  # 2 x 2 about (2, 2) and (3, 3): 1 of 7
        (1.0, 1 - 9 / 23),  # 4 x 4: 9 of 23
        (2.0, 1 - 49 / 79),  # 8 x 8: 49 of 79
    ],
)
def test_values_by_hand(ratio: float, expected: float) -> None:
    pred, target = torch.tensor([[1.0, 1, 5, 5]]), torch.tensor([[0.0, 0, 4, 4]])
    assert float(inner_iou_loss(pred, target, ratio)) == pytest.approx(expected)


def test_a_large_ratio_pulls_boxes_that_are_apart() -> None:
    pred = torch.tensor([[5.0, 0, 7, 2]], requires_grad=True)
    target = torch.tensor([[0.0, 0, 4, 2]])
    for ratio, pulled in ((1.0, False), (1.5, True)):
        (gradient,) = torch.autograd.grad(inner_iou_loss(pred, target, ratio).sum(), pred)
        assert (gradient[0, 0] > 0) == pulled


def test_equals_the_naive_form() -> None:
    def scaled(box: list, ratio: float) -> list:
        x, y, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
        w, h = w * ratio, h * ratio
        return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]

    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        distance = (pair.dx**2 + pair.dy**2) / (pair.cw**2 + pair.ch**2)
        return 1 - pair.iou + distance + pair.iou - naive_iou(scaled(p, 0.7), scaled(t, 0.7))

    check_naive(lambda p, t: inner_iou_loss(p, t, 0.7, "diou"), naive)


@pytest.mark.parametrize("base", ["iou", "giou", "diou", "ciou"])
def test_ratio_1_is_the_base(base: str) -> None:
    pred = random_boxes(200, 0, 10, (0.5, 7), torch.float64)
    target = random_boxes(200, 1, 10, (0.5, 7), torch.float64)
    torch.testing.assert_close(
        inner_iou_loss(pred, target, 1, base), alpha_iou_loss(pred, target, 1, base)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [({"ratio": 0.0}, "ratio must be above 0, got 0"), ({"base": "wiou"}, "base must be one of")],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inner_iou_loss(torch.zeros(1, 4), torch.zeros(1, 4), **options)
