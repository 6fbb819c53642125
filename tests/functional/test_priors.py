import math

import pytest
import torch

from mmeiou.functional.priors import (
    decode_boxes,
    decode_keypoints,
    encode_keypoints,
    grid_priors,
    prior_centres,
)


def test_priors_are_top_left_corners_row_by_row() -> None:
    priors = grid_priors([(2, 3), (1, 1)], [8, 16])
    assert priors.tolist() == [
        [0, 0, 8, 8],
        [8, 0, 8, 8],
        [16, 0, 8, 8],
        [0, 8, 8, 8],
        [8, 8, 8, 8],
        [16, 8, 8, 8],
        [0, 0, 16, 16],
    ]
    assert prior_centres(priors)[1].tolist() == [12, 4, 8, 8]


def test_levels_and_strides_must_agree() -> None:
    with pytest.raises(ValueError, match="zip"):
        grid_priors([(2, 3), (1, 1)], [8])


def test_decoding_derived_by_hand() -> None:
    prior = torch.tensor([16.0, 24.0, 8.0, 8.0])
    # centre (16 + 8 * 0.5, 24 - 8), size 8 * 2 by 8 * 0.5
    deltas = torch.tensor([0.5, -1.0, torch.tensor(2.0).log(), torch.tensor(0.5).log()])
    assert decode_boxes(prior, deltas).tolist() == pytest.approx([12, 14, 28, 18])
    offsets = torch.tensor([0.5, -1.0, 0.0, 2.0])
    assert decode_keypoints(prior, offsets).tolist() == [[20, 16], [16, 40]]


@pytest.mark.parametrize("num_keypoints", [0, 1, 5, 68])
def test_keypoints_round_trip(num_keypoints: int) -> None:
    priors = grid_priors([(4, 4)], [8], dtype=torch.float64)
    keypoints = torch.rand(16, num_keypoints, 2, dtype=torch.float64) * 32
    offsets = encode_keypoints(priors, keypoints)
    assert offsets.shape == (16, 2 * num_keypoints)
    torch.testing.assert_close(decode_keypoints(priors, offsets), keypoints)


def test_sizes_beyond_the_range_of_exp_are_finite_boxes() -> None:
    prior = torch.tensor([16.0, 24.0, 32.0, 32.0])
    half = 32 * math.exp(10) / 2
    for logit in (10.0, 89.0, 1e30, torch.inf):
        box = decode_boxes(prior, torch.tensor([0.0, 0.0, logit, 0.0]))
        assert box.tolist() == pytest.approx([16 - half, 8, 16 + half, 40])
    assert decode_boxes(prior, torch.tensor([0.0, 0.0, -torch.inf, 0.0]))[0] == 16
    assert decode_boxes(prior, torch.tensor([0.0, 0.0, torch.nan, 0.0])).isnan().any()


def test_sizes_of_objects_are_not_touched() -> None:
    """Bit by bit, boxes and gradients."""
    deltas = torch.linspace(-12, 10, 1000).unsqueeze(1).repeat(1, 4).requires_grad_()
    prior = torch.tensor([16.0, 24.0, 8.0, 8.0])
    centre, half = prior[:2] + 8 * deltas[:, :2], 8 * deltas[:, 2:].exp() / 2
    expected = torch.cat([centre - half, centre + half], dim=1)
    boxes = decode_boxes(prior, deltas)
    assert torch.equal(boxes, expected)
    weights = torch.randn(1000, 4)
    ours, theirs = (torch.autograd.grad((b * weights).sum(), deltas)[0] for b in (boxes, expected))
    assert torch.equal(ours, theirs)
