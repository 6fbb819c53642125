"""The divergence of scores: by hand, against a naive form, and where logits are large."""

import math

import pytest
import torch

from mmeiou.functional.distillation import log_scores, score_divergence, teacher_weights


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def bernoulli_kl(q: float, s: float) -> float:
    return q * math.log(q / s) + (1 - q) * math.log((1 - q) / (1 - s))


def test_values_by_hand() -> None:
    """Student 0.8 * 0.5 = 0.4, teacher 0.5 * 0.5 = 0.25, and a second class of both at 0.25."""
    cls = torch.tensor([[logit(0.8), 0.0]])
    obj = torch.tensor([0.0])
    found = score_divergence(cls, obj, torch.zeros(1, 2), torch.zeros(1))
    # 1/4 log(5/8) + 3/4 log(5/4) = -0.117501 + 0.167358
    torch.testing.assert_close(found, torch.tensor([[0.049857, 0.0]]), rtol=1e-4, atol=1e-6)


def test_gradient_by_hand() -> None:
    """Of -q log s - (1 - q) log(1 - s) with s = ab: by the logit of a it is (s - q)(1 - a)/(1 - s).

    a = b = 0.5, q = 0.75 * 0.5 = 0.375: (0.25 - 0.375) * 0.5 / 0.75 = -1/12.
    """
    cls, obj = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    teacher = torch.tensor([[logit(0.75)]], requires_grad=True)
    score_divergence(cls, obj, teacher, torch.zeros(1)).sum().backward()
    for logits in (cls, obj):
        torch.testing.assert_close(logits.grad.flatten(), torch.tensor([-1 / 12]))
    assert teacher.grad is None


def test_equals_the_naive_form() -> None:
    torch.manual_seed(0)
    cls, teacher_cls = torch.randn(2, 4, 7, 3, dtype=torch.float64) * 3
    obj, teacher_obj = torch.randn(2, 4, 7, dtype=torch.float64) * 3
    found = score_divergence(cls, obj, teacher_cls, teacher_obj)
    assert found.shape == (4, 7, 3)
    for place in [(i, j, k) for i in range(4) for j in range(7) for k in range(3)]:
        s = float(cls[place].sigmoid() * obj[place[:2]].sigmoid())
        q = float(teacher_cls[place].sigmoid() * teacher_obj[place[:2]].sigmoid())
        assert float(found[place]) == pytest.approx(bernoulli_kl(q, s), rel=1e-9)
    assert (found >= 0).all()


def test_gradcheck() -> None:
    torch.manual_seed(1)
    cls = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    obj = torch.randn(5, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 2, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda c, o: score_divergence(c, o, *teacher), (cls, obj))


@pytest.mark.parametrize("first", [-200.0, -60.0, 0.0, 60.0, 200.0])
@pytest.mark.parametrize("second", [-200.0, 0.0, 200.0])
def test_large_logits_are_finite(first: float, second: float) -> None:
    """Where float32's sigmoid is 0 or 1, and a logarithm of it would be infinite."""
    cls = torch.full((1, 1), first, requires_grad=True)
    obj = torch.full((1,), second, requires_grad=True)
    for teacher in (-200.0, 0.0, 200.0):
        loss = score_divergence(cls, obj, torch.full((1, 1), teacher), torch.full((1,), teacher))
        gradients = torch.autograd.grad(loss.sum(), (cls, obj))
        assert all(one.isfinite().all() for one in (loss, *gradients))


def test_complement_of_a_score_near_one() -> None:
    """1 - s is 2e-9 for two logits of 20, which float32 cannot tell from 0 next to 1."""
    twenty = torch.tensor([20.0])
    expected = math.log(2 * math.exp(-20))
    assert float(log_scores(twenty, twenty)[1]) == pytest.approx(expected, rel=1e-6)


def test_weights_are_the_best_scores_above_the_threshold() -> None:
    cls = torch.tensor([[logit(0.4), logit(0.8)], [logit(0.4), logit(0.1)]])
    found = teacher_weights(cls, torch.zeros(2), score_thr=0.3)  # 0.8 / 2, 0.4 / 2
    torch.testing.assert_close(found, torch.tensor([0.4, 0.0]))
