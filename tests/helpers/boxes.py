"""Random boxes, and one IoU of two boxes as the oracle for many."""

from collections.abc import Sequence

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
