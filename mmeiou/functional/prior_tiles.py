"""Priors grouped by place, so that a whole group can be left out at once."""

import torch
from torch import Tensor


def tile_priors(priors: Tensor, cells: int = 4) -> Tensor:
    """Group priors of one stride that lie in the same square of ``cells`` x ``cells`` strides.

    Any priors do; those of a regular grid fill their tiles.

    Args:
        priors: ``(P, 4)`` x, y, stride x, stride y in pixels.
        cells: Side of a tile in strides.

    Returns:
        ``(T, S)`` indices of the priors of each tile, padded with ``P``.
    """
    place = (priors[:, :2] - priors[:, :2].amin(dim=0)).div(priors[:, 2:] * cells).floor().long()
    code = torch.zeros_like(place[:, 0])
    for column in (*torch.unique(priors[:, 2:], return_inverse=True)[1].T, *place.flip(1).T):
        code = code * (column.max() + 1) + column
    _, tile, size = torch.unique(code, return_inverse=True, return_counts=True)
    order = tile.argsort(stable=True)
    start = size.cumsum(0) - size
    column = torch.arange(len(priors), device=priors.device) - start[tile[order]]
    tiles = order.new_full((len(size), int(size.max())), len(priors))
    tiles[tile[order], column] = order
    return tiles


def tile_bounds(points: Tensor, tiles: Tensor, keep: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Smallest box around what stands at the priors of each tile.

    Args:
        points: ``(..., P, 2)`` points, or ``(..., P, 4)`` boxes x1 y1 x2 y2.
        tiles: ``(T, S)`` of :func:`tile_priors`.
        keep: ``(..., P)`` bool, false for what is not to be covered.

    Returns:
        ``(..., T, 2)`` top-left and bottom-right corners; inside out for a tile with nothing in it.
    """
    infinite = torch.full_like(points[..., :1, :2], torch.inf)
    lower, upper = points[..., :2], points[..., -2:]
    if keep is not None:
        lower = torch.where(keep.unsqueeze(-1), lower, infinite)
        upper = torch.where(keep.unsqueeze(-1), upper, -infinite)
    lower = torch.cat([lower, infinite], dim=-2)[..., tiles, :].amin(dim=-2)
    upper = torch.cat([upper, -infinite], dim=-2)[..., tiles, :].amax(dim=-2)
    return lower, upper
