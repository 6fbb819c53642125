import pytest
import torch
from torch import Tensor

from mmeiou.functional.finite import all_finite, listed, nonfinite_names, squares_finite

NAN, INF = torch.nan, torch.inf


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_one_bad_number_is_found(value: float, dtype: torch.dtype) -> None:
    tensors = [torch.ones(5, dtype=dtype), torch.zeros(2, 3, dtype=dtype), torch.zeros(0)]
    assert all_finite(tensors)
    assert squares_finite(tensors)
    tensors[1][1, 2] = value
    assert not all_finite(tensors)
    assert not squares_finite(tensors)


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.tensor([1e18]), True),
        (torch.tensor([1e20]), False),  # 1e40 is no float32
        (torch.tensor([1e20], dtype=torch.float64), True),
        (torch.full((9,), 6e4).half(), True),  # 3.6e9 is no float16, but a float32
        (torch.zeros(0), True),
    ],
)
def test_squares(tensor: Tensor, expected: bool) -> None:
    assert bool(squares_finite([tensor])) is expected


def test_names() -> None:
    bad, good = torch.tensor([1, NAN]), torch.ones(2)
    tree = {"a": good, "b": [good, {"c": bad}], 3: (bad,), "count": torch.tensor(2), "other": NAN}
    assert list(nonfinite_names(tree)) == ["b.1.c", "3.0"]
    assert list(nonfinite_names(None)) == []
    assert listed(["a", "b"]) == "a, b"
    assert listed([*"abcde"]) == "a, b, c and 2 more"
