"""The registered assigner against MMDetection's."""

import pytest
import torch
from helpers.boxes import random_boxes
from mmdet.models.task_modules.assigners import SimOTAAssigner as MMDetSimOTA
from mmengine.structures import InstanceData

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.priors import grid_priors, prior_centres
from mmeiou.models import SimOTAAssigner


def instances(num_gt: int, num_classes: int, seed: int) -> tuple[InstanceData, InstanceData]:
    generator = torch.Generator().manual_seed(seed)
    priors = prior_centres(grid_priors([(40, 40), (20, 20), (10, 10)], [8, 16, 32]))
    centre = priors[:, :2] + priors[:, 2:] * (torch.rand(len(priors), 2, generator=generator) - 0.5)
    half = priors[:, 2:] * (torch.rand(len(priors), 2, generator=generator) + 0.2)
    gt_bboxes = random_boxes(num_gt, generator, extent=300, sides=(3, 63))
    predictions = InstanceData(
        priors=priors,
        bboxes=torch.cat([centre - half, centre + half], dim=1),
        scores=torch.rand(len(priors), num_classes, generator=generator),
    )
    labels = torch.randint(num_classes, (num_gt,), generator=generator)
    return predictions, InstanceData(bboxes=gt_bboxes, labels=labels)


@pytest.mark.parametrize("num_classes", [1, 20])
@pytest.mark.parametrize("num_gt", [0, 1, 10, 200])
@pytest.mark.parametrize("options", [{}, {"center_radius": 1.5, "candidate_topk": 4}])
def test_same_assignment_as_mmdetection(num_gt: int, num_classes: int, options: dict) -> None:
    for seed in range(3):
        predictions, gt = instances(num_gt, num_classes, seed)
        expected = MMDetSimOTA(**options).assign(predictions, gt)
        result = SimOTAAssigner(**options).assign(predictions, gt)
        assert torch.equal(result.gt_inds, expected.gt_inds)
        assert torch.equal(result.labels, expected.labels)
        positive = expected.gt_inds > 0
        assert bool(positive.any()) == bool(num_gt)
        # The two compute the IoU with another order of operations.
        torch.testing.assert_close(result.max_overlaps[positive], expected.max_overlaps[positive])


@pytest.mark.parametrize("seed", [1444, 1783, 2877, 6773])
def test_where_the_two_may_differ_both_take_a_cheapest_prior(seed: int) -> None:
    """A face of a pixel, with no prior inside, takes one prior of those that cost 1e5 and more.

    Two of them cost the same in float32, whose numbers there are 1/128 apart, but not in float64.
    """
    predictions, gt = instances(1, 1, seed)
    gt.bboxes[:, 2:] = gt.bboxes[:, :2] + 1
    exact = InstanceData(
        priors=predictions.priors.double(),
        bboxes=predictions.bboxes.double(),
        scores=predictions.scores.double(),
    )
    exact_gt = InstanceData(bboxes=gt.bboxes.double(), labels=gt.labels)
    centre = exact_gt.bboxes[0].view(2, 2).mean(dim=0)
    near = (exact.priors[:, :2] - centre).abs() < 2.5 * exact.priors[:, 2:]
    cost = -exact.scores[:, 0].log() - 3 * (box_iou(exact.bboxes, exact_gt.bboxes) + 1e-7).log()
    cost = cost.masked_fill(~near.all(dim=1), torch.inf) + 1e5

    (best,) = SimOTAAssigner().assign(exact, exact_gt).gt_inds.nonzero().flatten().tolist()
    assert best == int(cost.argmin())
    cheapest = (cost - cost.min() < 1 / 128).nonzero().flatten().tolist()
    assert len(cheapest) == 2
    for assigner in (SimOTAAssigner(), MMDetSimOTA()):
        (taken,) = assigner.assign(predictions, gt).gt_inds.nonzero().flatten().tolist()
        assert taken in cheapest
