"""Point priors: how a dense head's numbers become boxes and landmarks, and back.

A prior is ``(x, y, stride_x, stride_y)`` in pixels. Parametrisation of YuNet (and of YOLOX)::

    centre   = prior + stride * t_xy
    size     = stride * exp(min(t_wh, 10))
    landmark = prior + stride * t

MMDetection's delta coders bound their exponents, too: ``exp`` overflows soon.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

# Boxes of 22,026 strides: none is as large, and areas stay far below the end of float32.
_LARGEST_LOG_SIZE = 10.0


def grid_priors(
    sizes: Sequence[tuple[int, int]],
    strides: Sequence[int],
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """Priors of all levels: the top-left corners of the cells, row by row, finest level first.

    Args:
        sizes: ``(rows, columns)`` of each level's map.
        strides: Stride of each level in pixels.
        dtype: Of the result.
        device: Of the result.

    Returns:
        ``(P, 4)`` x, y, stride, stride, with ``P`` the sum of ``rows * columns``.
    """
    levels = []
    for (rows, columns), stride in zip(sizes, strides, strict=True):
        y = torch.arange(rows, dtype=dtype, device=device) * stride
        x = torch.arange(columns, dtype=dtype, device=device) * stride
        yy, xx = torch.meshgrid(y, x, indexing="ij")
        corner = torch.stack([xx, yy], dim=-1).reshape(-1, 2)
        levels.append(torch.cat([corner, torch.full_like(corner, stride)], dim=1))
    return torch.cat(levels)


def prior_centres(priors: Tensor) -> Tensor:
    """Priors moved to the centres of their cells, as the assignment sees them."""
    return torch.cat([priors[..., :2] + priors[..., 2:] / 2, priors[..., 2:]], dim=-1)


def decode_boxes(priors: Tensor, deltas: Tensor) -> Tensor:
    """Boxes that the regression branch stands for.

    Args:
        priors: ``(..., 4)`` x, y, stride_x, stride_y.
        deltas: ``(..., 4)`` t_x, t_y, t_w, t_h, broadcastable against ``priors``.

    Returns:
        ``(..., 4)`` boxes x1 y1 x2 y2 in pixels.
    """
    xy, stride = priors[..., :2], priors[..., 2:]
    centre = xy + stride * deltas[..., :2]
    half = stride * deltas[..., 2:].clamp(max=_LARGEST_LOG_SIZE).exp() / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def decode_keypoints(priors: Tensor, offsets: Tensor) -> Tensor:
    """Landmarks that the landmark branch stands for.

    Args:
        priors: ``(..., 4)`` x, y, stride_x, stride_y.
        offsets: ``(..., 2 * K)`` interleaved x and y offsets in strides.

    Returns:
        ``(..., K, 2)`` landmarks in pixels.
    """
    offsets = offsets.reshape(*offsets.shape[:-1], offsets.shape[-1] // 2, 2)
    return priors[..., None, :2] + priors[..., None, 2:] * offsets


def encode_keypoints(priors: Tensor, keypoints: Tensor) -> Tensor:
    """Inverse of :func:`decode_keypoints`: ``(..., K, 2)`` pixels to ``(..., 2 * K)`` strides."""
    return ((keypoints - priors[..., None, :2]) / priors[..., None, 2:]).flatten(-2)
