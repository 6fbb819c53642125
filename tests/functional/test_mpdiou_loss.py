import pytest
import torch
from helpers.boxes import check_naive, naive_iou

from mmeiou.functional.mpdiou_loss import mpdiou_loss


def test_values_by_hand() -> None:
    """Top-left corners (3, 4) apart, bottom-right ones (1, 2); the image's diagonal squared 100."""
    pred, target = torch.tensor([[3.0, 4, 5, 6]]), torch.tensor([[0.0, 0, 4, 4]])
    assert float(mpdiou_loss(pred, target, (6, 8))) == pytest.approx(1 + (25 + 5) / 100)
    torch.testing.assert_close(mpdiou_loss(pred, target, (6, 8)), mpdiou_loss(pred, target, (8, 6)))


def test_equals_the_naive_form() -> None:
    def naive(p: list, t: list) -> float:
        first = (p[0] - t[0]) ** 2 + (p[1] - t[1]) ** 2
        second = (p[2] - t[2]) ** 2 + (p[3] - t[3]) ** 2
        return 1 - naive_iou(p, t) + first / (20**2 + 15**2) + second / (20**2 + 15**2)

    check_naive(lambda p, t: mpdiou_loss(p, t, (20, 15)), naive)


@pytest.mark.parametrize("img_size", [(640,), (0, 640), (640, -1), (640, 640, 3)])
def test_wrong_sizes(img_size: tuple) -> None:
    with pytest.raises(ValueError, match="img_size must be a width and a height above 0"):
        mpdiou_loss(torch.zeros(1, 4), torch.zeros(1, 4), img_size)
