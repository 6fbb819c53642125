"""RoIAlign with the maximum of each bin's samples, equal to MMCV's compiled kernels.

The maximum does not separate into the two axes as the average does, so the samples are computed
one by one.
"""

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor

from mmeiou.compat.ops.roi_align import (
    Interpolation,
    RoIAlignConfig,
    channels_last,
    check_rois,
    interpolate,
    sample_points,
)

# What compiled MMCV starts its maximum from, hence the output of a bin without samples.
_LEAST = -10000.0


def roi_align_max(
    features: Tensor, rois: Tensor, config: RoIAlignConfig
) -> tuple[Tensor, Tensor, Tensor]:
    """Take the greatest sample of each bin.

    Args:
        features: ``(b, c, h, w)``. Half precision is computed in float32.
        rois: ``(n, 5)``: index into the batch, then x1 y1 x2 y2.
        config: How to sample.

    Returns:
        The maxima, and the positions y and x of the first samples that reach them, each
        ``(n, c, *config.output_size)`` in the features' dtype. A bin without a sample above -10000
        gives -10000 at position -1, -1.

    Raises:
        ValueError: If a RoI is not finite or, when aligned, inverted.
    """
    check_rois(rois, config)
    pixels = channels_last(features)
    height, width, channels = pixels.shape[1:]
    maxima = pixels.new_full((len(rois), *config.output_size, channels), _LEAST)
    argmax_y, argmax_x = torch.full_like(maxima, -1), torch.full_like(maxima, -1)
    row_bins, column_bins = (torch.arange(n, device=pixels.device) for n in config.output_size)
    for i, roi in enumerate(rois.to(pixels.dtype)):
        y, x = (sample_points(roi[None], axis, config)[0][0] for axis in (1, 0))
        if not y.numel() or not x.numel():
            continue
        image = pixels[int(roi[0])]
        # rows (bins, samples, 1, 1) against columns (bins, samples), summed in the compiled
        # kernel's order so that near ties fall the same way
        corners = _corners(interpolate(y[:, :, None, None], height), interpolate(x, width))
        samples = reduce(
            torch.add, (w[..., None] * image[row, column] for row, column, w in corners)
        )
        best, at = samples.transpose(1, 2).flatten(2, 3).max(2)
        found = best > _LEAST
        maxima[i] = torch.where(found, best, maxima[i])
        row_at, column_at = at // x.shape[1], at % x.shape[1]
        argmax_y[i] = torch.where(found, y[row_bins[:, None, None], row_at], argmax_y[i])
        argmax_x[i] = torch.where(found, x[column_bins[:, None], column_at], argmax_x[i])
    maxima, argmax_y, argmax_x = (
        t.permute(0, 3, 1, 2).to(features.dtype) for t in (maxima, argmax_y, argmax_x)
    )
    return maxima, argmax_y, argmax_x


def roi_align_max_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    input_shape: torch.Size,
) -> Tensor:
    """Gradient of :func:`roi_align_max` with respect to the features.

    Args:
        grad_output: ``(n, c, bins, bins)``.
        rois: As in the forward pass.
        argmax_y: Positions that the forward pass returned.
        argmax_x: Positions that the forward pass returned.
        input_shape: Shape ``(b, c, h, w)`` of the features.

    Returns:
        ``(b, c, h, w)`` in the gradient's dtype.
    """
    batch, channels, height, width = input_shape
    grads, y, x = (channels_last(t) for t in (grad_output, argmax_y, argmax_x))
    rows, columns = interpolate(y, height), interpolate(x, width)
    found = y != -1
    images = rois[:, 0].long()[:, None, None, None]
    grad_input = grads.new_zeros(batch * height * width * channels)
    for row, column, weight in _corners(rows, columns):
        pixel = (images * height + row) * width + column
        at = pixel * channels + torch.arange(channels, device=pixel.device)
        grad_input.scatter_add_(0, at.flatten(), (grads * weight * found).flatten())
    grad_input = grad_input.view(batch, height, width, channels)
    return grad_input.permute(0, 3, 1, 2).to(grad_output.dtype)


def _corners(
    rows: Interpolation, columns: Interpolation
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The four pixels around each sample and their weights."""
    for row, row_weight in ((rows.low, rows.low_weight), (rows.high, rows.high_weight)):
        yield row, columns.low, row_weight * columns.low_weight
        yield row, columns.high, row_weight * columns.high_weight
