"""RoIAlign (He et al., ICCV 2017), forward and backward, equal to MMCV's compiled kernels.

Each RoI is cut into bins and each bin is sampled on a regular grid by bilinear interpolation.
Along each axis the average of a bin's samples is a weighted sum of pixels, so a RoI's output is
``rows @ features @ columns.T`` with one small matrix per axis: two matrix products over just the
pixels that the RoI covers, and the transposed products for the gradient. (A feature that is not
finite therefore reaches every bin of the RoIs that cover it.)
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

# RoIs whose samples are laid out together: bounds the memory that one huge RoI can ask for.
_CHUNK = 128


class RoIAlignConfig(NamedTuple):
    """How RoIs are sampled.

    Attributes:
        output_size: Bins per RoI, ``(height, width)``.
        spatial_scale: Feature pixels per unit of the RoIs' coordinates.
        sampling_ratio: Samples per bin and axis; 0 takes one per feature pixel, rounded up.
        aligned: Whether a pixel's value lies at its centre, half a pixel inside (the right one).
            Otherwise RoIs smaller than a feature pixel are widened to one.
    """

    output_size: tuple[int, int]
    spatial_scale: float = 1.0
    sampling_ratio: int = 0
    aligned: bool = True


class Interpolation(NamedTuple):
    """Bilinear interpolation along one axis: which two pixels, and how much of each."""

    low: Tensor
    high: Tensor
    low_weight: Tensor
    high_weight: Tensor


class _Crop(NamedTuple):
    """The pixels that RoI number ``roi`` covers, and the weights of its bins on them."""

    roi: int
    image: int
    ys: slice
    xs: slice
    rows: Tensor  # (bins, len(ys))
    columns: Tensor  # (bins, len(xs))


def roi_align(features: Tensor, rois: Tensor, config: RoIAlignConfig) -> Tensor:
    """Average the samples of each bin.

    Args:
        features: ``(b, c, h, w)``. Half precision is computed in float32.
        rois: ``(n, 5)``: index into the batch, then x1 y1 x2 y2.
        config: How to sample.

    Returns:
        ``(n, c, *config.output_size)`` in the features' dtype. Samples more than a pixel outside
        the image count as 0, and so does a RoI without area.

    Raises:
        ValueError: If a RoI is not finite or, when aligned, inverted.
    """
    check_rois(rois, config)
    pixels = channels_last(features)
    height, width, channels = pixels.shape[1:]
    output = pixels.new_zeros(len(rois), *config.output_size, channels)
    with torch.autocast(pixels.device.type, enabled=False):
        for crop in _crops(rois.to(pixels.dtype), height, width, config):
            covered = pixels[crop.image, crop.ys, crop.xs].flatten(1)
            pooled = (crop.rows @ covered).view(len(crop.rows), -1, channels)
            output[crop.roi] = crop.columns @ pooled
    return output.permute(0, 3, 1, 2).to(features.dtype)


def roi_align_backward(
    grad_output: Tensor, rois: Tensor, input_shape: torch.Size, config: RoIAlignConfig
) -> Tensor:
    """Gradient of :func:`roi_align` with respect to the features.

    Args:
        grad_output: ``(n, c, *config.output_size)``.
        rois: As in the forward pass.
        input_shape: Shape ``(b, c, h, w)`` of the features.
        config: As in the forward pass.

    Returns:
        ``(b, c, h, w)`` in the gradient's dtype.
    """
    grads = channels_last(grad_output)
    batch, channels, height, width = input_shape
    grad_input = grads.new_zeros(batch, height, width, channels)
    with torch.autocast(grads.device.type, enabled=False):
        for crop in _crops(rois.to(grads.dtype), height, width, config):
            spread = (crop.columns.T @ grads[crop.roi]).flatten(1)
            covered = grad_input[crop.image, crop.ys, crop.xs]
            covered += (crop.rows.T @ spread).view_as(covered)
    return grad_input.permute(0, 3, 1, 2).to(grad_output.dtype)


def channels_last(features: Tensor) -> Tensor:
    """``(n, c, h, w)`` as contiguous ``(n, h, w, c)``, in float32 or better."""
    dtype = torch.promote_types(features.dtype, torch.float32)
    return features.permute(0, 2, 3, 1).to(dtype).contiguous()


def check_rois(rois: Tensor, config: RoIAlignConfig) -> None:
    """Refuse RoIs that cannot be sampled.

    Raises:
        ValueError: If a RoI is not finite or, when aligned, inverted.
    """
    valid = rois.isfinite().all(1)
    if config.aligned:
        valid &= (rois[:, 3:] >= rois[:, 1:3]).all(1)
    if not bool(valid.all()):
        bad = int(valid.int().argmin())
        raise ValueError(
            f"RoIAlign needs finite RoIs with x2 >= x1 and y2 >= y1, but RoI {bad} (image, x1, y1, "
            f"x2, y2) is {rois[bad].tolist()}; if it is not finite, training has probably diverged"
        )


def sample_points(rois: Tensor, axis: int, config: RoIAlignConfig) -> tuple[Tensor, Tensor]:
    """Where the bins are sampled along one axis.

    Args:
        rois: ``(n, 5)`` in float32 or better.
        axis: 0 for x, 1 for y.
        config: How to sample.

    Returns:
        ``(n, bins, samples)`` positions in feature pixels and ``(n,)`` how many samples of a bin
        belong to its RoI: the others pad to the RoI with the most.
    """
    bins = config.output_size[1 - axis]
    start, end = (rois[:, [1 + axis, 3 + axis]] * config.spatial_scale - 0.5 * config.aligned).T
    extent = end - start
    if not config.aligned:
        extent = extent.clamp(min=1)
    bin_size = extent / bins
    # compiled MMCV rounds up the float32 value, whatever the dtype
    counts = bin_size.float().ceil().long()
    if config.sampling_ratio > 0:
        counts = torch.full_like(counts, config.sampling_ratio)
    most = int(counts.max()) if len(counts) else 0
    samples = torch.arange(most, device=rois.device) + 0.5
    inside = samples * bin_size[:, None] / counts[:, None]
    edges = start[:, None] + torch.arange(bins, device=rois.device) * bin_size[:, None]
    return edges[:, :, None] + inside[:, None], counts


def interpolate(points: Tensor, size: int) -> Interpolation:
    """Interpolate pixels ``0 .. size - 1`` at positions of any shape.

    The outer pixels reach a pixel out; positions further out weigh nothing.
    """
    inside = (points >= -1) & (points <= size)
    points = torch.where(inside, points, 0).clamp(0, size - 1)
    low = points.long()
    fraction = points - low
    return Interpolation(
        low, (low + 1).clamp(max=size - 1), (1 - fraction) * inside, fraction * inside
    )


def _crops(rois: Tensor, height: int, width: int, config: RoIAlignConfig) -> Iterator[_Crop]:
    for first in range(0, len(rois), _CHUNK):
        chunk = rois[first : first + _CHUNK]
        rows, columns = (
            _bin_weights(chunk, 1, height, config),
            _bin_weights(chunk, 0, width, config),
        )
        for i, (image, ys, xs) in enumerate(
            zip(chunk[:, 0].long().tolist(), _extents(rows), _extents(columns), strict=True)
        ):
            yield _Crop(first + i, image, ys, xs, rows[i, :, ys], columns[i, :, xs])


def _bin_weights(rois: Tensor, axis: int, size: int, config: RoIAlignConfig) -> Tensor:
    """``(n, bins, size)``: the average of each bin as a weighting of the pixels of one axis."""
    points, counts = sample_points(rois, axis, config)
    used = torch.arange(points.shape[2], device=points.device) < counts[:, None]
    share = (used.to(points.dtype) / counts[:, None].clamp(min=1))[:, None]
    interpolation = interpolate(points, size)
    weights = points.new_zeros(*points.shape[:2], size)
    weights.scatter_add_(2, interpolation.low, interpolation.low_weight * share)
    return weights.scatter_add_(2, interpolation.high, interpolation.high_weight * share)


def _extents(weights: Tensor) -> list[slice]:
    """Per RoI the range of pixels that have a weight; all of them if none has."""
    used = weights.any(1).int()
    first, unused_after = used.argmax(1), used.flip(1).argmax(1)
    last = weights.shape[2] - unused_after
    return [slice(*bounds) for bounds in torch.stack([first, last], 1).tolist()]
