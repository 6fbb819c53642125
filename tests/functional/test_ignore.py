import torch

from mmeiou.functional.ignore import ignored_priors
from mmeiou.functional.priors import grid_priors, prior_centres

PRIORS = prior_centres(grid_priors([(2, 2)], [8]))  # centres (4, 4) (12, 4) (4, 12) (12, 12)
FAR = torch.tensor([100.0, 100.0, 110.0, 110.0]).repeat(4, 1)


def test_a_region_takes_out_the_centres_inside_it() -> None:
    region = torch.tensor([[3.0, 3.0, 13.0, 5.0]])
    assert ignored_priors(PRIORS, FAR, region).tolist() == [True, True, False, False]


def test_a_region_between_centres_takes_out_the_boxes_that_lie_in_it() -> None:
    region = torch.tensor([[6.0, 6.0, 10.0, 10.0]])
    boxes = torch.stack(
        [
            torch.tensor([6.0, 6.0, 10.0, 10.0]),  # inside
            torch.tensor([6.0, 6.0, 10.0, 14.0]),  # half inside
            torch.tensor([6.0, 6.0, 10.0, 15.0]),  # less than half
            torch.tensor([0.0, 0.0, 99.0, 99.0]),
        ]
    )
    assert ignored_priors(PRIORS, boxes, region).tolist() == [True, True, False, False]
    assert ignored_priors(PRIORS, boxes, region, iof_thr=0.6).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_no_region_takes_out_nothing() -> None:
    assert not ignored_priors(PRIORS, FAR, torch.zeros(0, 4)).any()
