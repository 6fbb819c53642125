"""The registered assigner against MMDetection's."""

import pytest
import torch
from helpers.boxes import random_boxes
from mmdet.models.task_modules.assigners import SimOTAAssigner as MMDetSimOTA
from mmengine.structures import InstanceData

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
