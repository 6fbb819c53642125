from math import exp, sqrt

import pytest
import torch
from helpers.boxes import check_naive, naive_pair

from mmeiou.functional.nwd_loss import nwd_loss


def test_values_by_hand() -> None:
    """Centres (3, 0) apart, widths 8 apart: sqrt(9 + 16) = 5."""
    pred, target = torch.tensor([[1.0, 0, 13, 2]]), torch.tensor([[2.0, 0, 6, 2]])
    assert float(nwd_loss(pred, target, 10.0)) == pytest.approx(1 - exp(-0.5))


def test_equals_the_naive_form() -> None:
    def naive(p: list, t: list) -> float:
        pair = naive_pair(p, t)
        squares = pair.dx**2 + pair.dy**2 + ((pair.w - pair.wt) ** 2 + (pair.h - pair.ht) ** 2) / 4
        return 1 - exp(-sqrt(squares) / 8)

    check_naive(lambda p, t: nwd_loss(p, t, 8.0), naive)


def test_is_the_wasserstein_distance_of_the_gaussians() -> None:
    """Of covariances a, b that are diagonal: |m - n|^2 + trace(a + b - 2 sqrt(a b))."""
    a, b = torch.tensor([[3.0, 1, 9, 5]]), torch.tensor([[0.0, 0, 4, 10]])
    (mean_a, cov_a), (mean_b, cov_b) = (
        ((box[0, :2] + box[0, 2:]) / 2, (((box[0, 2:] - box[0, :2]) / 2) ** 2).diag())
        for box in (a, b)
    )
    squares = (mean_a - mean_b).square().sum() + (
        cov_a + cov_b - 2 * (cov_a @ cov_b).sqrt()
    ).trace()
    torch.testing.assert_close(nwd_loss(a, b, 7.0), 1 - (-squares.sqrt() / 7).exp().view(1))


def test_wrong_constant() -> None:
    with pytest.raises(ValueError, match="constant must be above 0, got 0"):
        nwd_loss(torch.zeros(1, 4), torch.zeros(1, 4), 0)
