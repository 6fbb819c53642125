import torch

from mmeiou.functional.prior_tiles import tile_bounds, tile_priors
from mmeiou.functional.priors import grid_priors


def test_tiles_of_a_grid() -> None:
    """8 x 4 cells of 8 pixels and 4 x 2 of 16: two tiles of 16 and one half full."""
    priors = grid_priors([(4, 8), (2, 4)], [8, 16])
    tiles = tile_priors(priors, cells=4)
    assert tiles.shape == (3, 16)
    assert tiles[0].tolist() == [row * 8 + column for row in range(4) for column in range(4)]
    assert tiles[2].tolist() == [*range(32, 40), *[40] * 8]
    real = tiles[tiles < 40]
    assert sorted(real.tolist()) == list(range(40))


def test_bounds_cover_what_is_kept() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 3], [5, 1, 9, 2], [-4, -4, -1, -1]])
    tiles = torch.tensor([[0, 1], [2, 3]])  # 3 is padding
    lower, upper = tile_bounds(boxes, tiles)
    assert lower.tolist() == [[0, 0], [-4, -4]]
    assert upper.tolist() == [[9, 3], [-1, -1]]
    lower, upper = tile_bounds(boxes, tiles, torch.tensor([False, True, False]))
    assert lower[0].tolist() == [5, 1]
    assert upper[0].tolist() == [9, 2]
    assert (lower[1] > upper[1]).all()
    lower, upper = tile_bounds(boxes[:, :2].expand(2, 3, 2), tiles)
    assert lower.shape == upper.shape == (2, 2, 2)
    assert upper[1, 0].tolist() == [5, 1]
