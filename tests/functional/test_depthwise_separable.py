"""The cheaper gradient of a pointwise and a depthwise convolution."""

import pytest
import torch
from torch import Tensor

from mmeiou.functional.depthwise_separable import (
    depthwise_separable,
    depthwise_separable_definition,
    sum_of_gradient,
)


def arguments(channels: int, out: int, *size: int) -> list[Tensor]:
    """Input, weights and biases, in float64."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, channels, *size), (out, channels, 1, 1), (out,), (out, 1, 3, 3), (out,)]
    made = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [tensor.requires_grad_() for tensor in made]


def gradients(function: object, given: list[Tensor], grad: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(function(*given), given, grad))


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 1), (2, 2), (2, 3), (7, 6)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_value_and_gradients_are_the_definitions(
    size: tuple[int, int], layout: torch.memory_format
) -> None:
    x, *weights = arguments(3, 4, *size)
    given = [x.detach().contiguous(memory_format=layout).requires_grad_(), *weights]
    expected = depthwise_separable_definition(*given)
    torch.testing.assert_close(depthwise_separable(*given), expected)
    grad = torch.randn_like(expected)
    theirs = gradients(depthwise_separable_definition, given, grad)
    for one, other in zip(gradients(depthwise_separable, given, grad), theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_gradcheck() -> None:
    torch.autograd.gradcheck(depthwise_separable, arguments(2, 3, 3, 4))


def test_sum_by_hand() -> None:
    # 1 2 3
    # 4 5 6: 4 to 6 have a neighbour above, 5 and 6 to the upper left, 1, 2, 4, 5 to the right
    grad = torch.tensor([[[[1.0, 2, 3], [4, 5, 6]]]]).expand(1, 3, 2, 3)
    taps = torch.zeros(3, 3, 3)
    taps[0, 0, 0] = taps[1, 0, 1] = taps[2, 1, 2] = 1
    assert sum_of_gradient(grad, grad.sum((0, 2, 3)), taps).tolist() == [11, 15, 12]


@pytest.mark.parametrize("frozen", range(5))
def test_what_is_frozen_gets_no_gradient(frozen: int) -> None:
    given = arguments(2, 3, 4, 4)
    given[frozen].requires_grad_(requires_grad=False)
    depthwise_separable(*given).square().sum().backward()
    assert [tensor.grad is None for tensor in given] == [i == frozen for i in range(5)]


def test_float32_is_as_near_to_float64_as_the_definition() -> None:
    exact = arguments(16, 16, 40, 40)
    grad = torch.randn(2, 16, 40, 40, dtype=torch.float64)
    grad -= grad.mean((0, 2, 3), keepdim=True)  # as it is below a normalization
    theirs = gradients(depthwise_separable_definition, exact, grad)
    single = [tensor.detach().float().requires_grad_() for tensor in exact]
    for one, other in zip(
        gradients(depthwise_separable, single, grad.float()), theirs, strict=True
    ):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-3)


def test_autocast_computes_in_bfloat16() -> None:
    given = [tensor.detach().float().requires_grad_() for tensor in arguments(4, 4, 8, 8)]
    with torch.autocast("cpu", torch.bfloat16):
        out = depthwise_separable(*given)
    assert out.dtype == torch.bfloat16
    out.sum().backward()
    assert all(tensor.grad.dtype == torch.float32 for tensor in given)


def test_a_second_derivative_is_refused() -> None:
    given = arguments(2, 2, 3, 3)
    (grad,) = torch.autograd.grad(
        depthwise_separable(*given).square().sum(), given[:1], create_graph=True
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()
