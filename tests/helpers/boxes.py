"""Random boxes, and one pair of boxes at a time as the oracle for many."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


def random_boxes(
    n: int,
    seed: int | torch.Generator,
    extent: float,
    sides: tuple[float, float],
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """(n, 4) boxes x1 y1 x2 y2: their corner in ``extent``, sides in this range."""
    generator = torch.Generator().manual_seed(seed) if isinstance(seed, int) else seed
    corner = torch.rand(n, 2, generator=generator, dtype=dtype) * extent
    low, high = sides
    size = torch.rand(n, 2, generator=generator, dtype=dtype) * (high - low) + low
    return torch.cat([corner, corner + size], dim=1)


def naive_iou(a: Sequence[float], b: Sequence[float], offset: float = 0) -> float:
    """IoU by single operations, in the order of MMCV's kernel and in the type of the numbers.

    ``offset`` is added to every side: 1 where boxes count pixels. 0 where both have no area.
    """
    area_a = (a[2] - a[0] + offset) * (a[3] - a[1] + offset)
    area_b = (b[2] - b[0] + offset) * (b[3] - b[1] + offset)
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    inter = width * height
    union = area_a + area_b - inter
    return inter / union if union else 0.0


class NaivePair(NamedTuple):
    """What box losses are made of, in Python's numbers; boxes are right way round."""

    iou: float
    dx: float  # of the centres
    dy: float
    w: float
    h: float
    wt: float  # of the target
    ht: float
    cw: float  # of the enclosing box
    ch: float


def naive_pair(p: Sequence[float], t: Sequence[float]) -> NaivePair:
    return NaivePair(
        naive_iou(p, t),
        (p[0] + p[2] - t[0] - t[2]) / 2,
        (p[1] + p[3] - t[1] - t[3]) / 2,
        p[2] - p[0],
        p[3] - p[1],
        t[2] - t[0],
        t[3] - t[1],
        max(p[2], t[2]) - min(p[0], t[0]),
        max(p[3], t[3]) - min(p[1], t[1]),
    )


def check_naive(
    loss: Callable[[Tensor, Tensor], Tensor],
    naive: Callable[[Sequence[float], Sequence[float]], float],
) -> None:
    """Both agree on pairs in float64 that are near, overlap, lie in one another, or are apart."""
    pred = random_boxes(600, 0, 12, (0.5, 7), torch.float64)
    target = random_boxes(600, 1, 12, (0.5, 7), torch.float64)
    near = random_boxes(200, 2, 0.2, (0.0, 0.2), torch.float64)
    pred = torch.cat([pred, target[:200] + near])
    target = torch.cat([target, target[:200]])
    expected = [naive(p, t) for p, t in zip(pred.tolist(), target.tolist(), strict=True)]
    torch.testing.assert_close(
        loss(pred, target), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9
    )
