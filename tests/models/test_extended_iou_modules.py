import pytest
import torch
from mmdet.models.task_modules import HungarianAssigner, MaxIoUAssigner
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.structures import InstanceData

from mmeiou.functional.extended_iou import extended_iou
from mmeiou.models import ExtendedIoU2D, ExtendedIoUCost
from mmeiou.registry import TASK_UTILS

BOXES = torch.tensor([[0.0, 0, 4, 2], [6, 0, 8, 2], [20, 20, 22, 23]])
OBJECTS = torch.tensor([[0.0, 0, 4, 2], [9, 0, 12, 2]])


def test_calculator_takes_what_assigners_give_it() -> None:
    calculator = ExtendedIoU2D()
    expected = extended_iou(BOXES, OBJECTS, aligned=False)
    torch.testing.assert_close(calculator(BOXES, OBJECTS), expected)
    torch.testing.assert_close(calculator(HorizontalBoxes(BOXES), OBJECTS), expected)
    scored = torch.cat([BOXES, torch.ones(3, 1)], dim=1)
    torch.testing.assert_close(calculator(scored, OBJECTS), expected)
    torch.testing.assert_close(calculator(BOXES[:2], OBJECTS, is_aligned=True), expected.diagonal())
    # as a fraction of the box alone, for regions to ignore: MMDetection's own
    inside = torch.tensor([[1.0, 0, 2, 2]])
    assert float(calculator(inside, BOXES[:1], mode="iof")) == 1
    assert calculator(BOXES[:0], OBJECTS).shape == (0, 2)


def test_calculator_in_an_assigner() -> None:
    """A range for negatives, since an extended IoU below zero is a negative prior's as well."""
    assigner = MaxIoUAssigner(
        pos_iou_thr=0.5,
        neg_iou_thr=(-1.0, 0.5),
        match_low_quality=False,
        iou_calculator={"type": "mmeiou.ExtendedIoU2D", "mirror_symmetric": True},
    )
    result = assigner.assign(
        InstanceData(priors=BOXES),
        InstanceData(bboxes=OBJECTS, labels=torch.zeros(2, dtype=torch.long)),
    )
    assert result.gt_inds.tolist() == [1, 0, 0]
    assert float(result.max_overlaps[2]) < 0
    assert repr(assigner.iou_calculator) == "ExtendedIoU2D(mirror_symmetric=True)"


def test_cost_in_the_hungarian_assigner() -> None:
    """Nothing overlaps, and still the nearest pairs are found: the plain IoU could not tell."""
    cost = {"type": "mmeiou.ExtendedIoUCost", "weight": 2.0}
    pred = InstanceData(bboxes=BOXES + 30)
    objects = InstanceData(bboxes=BOXES[[2, 0]] + 33, labels=torch.zeros(2, dtype=torch.long))
    assigned = HungarianAssigner(match_costs=[cost]).assign(pred, objects, {})
    assert assigned.gt_inds.tolist() == [2, 0, 1]


@pytest.mark.parametrize("mirror_symmetric", [False, True])
def test_cost_is_the_negative_extended_iou(mirror_symmetric: bool) -> None:
    cost = ExtendedIoUCost(weight=3.0, mirror_symmetric=mirror_symmetric)
    value = cost(InstanceData(bboxes=BOXES), InstanceData(bboxes=OBJECTS))
    expected = extended_iou(BOXES, OBJECTS, aligned=False, mirror_symmetric=mirror_symmetric)
    torch.testing.assert_close(value, -3 * expected)
    half = cost(InstanceData(bboxes=BOXES.half() * 40), InstanceData(bboxes=OBJECTS.half() * 40))
    assert half.isfinite().all()


def test_registered() -> None:
    for name in ("mmeiou.ExtendedIoU2D", "mmeiou.ExtendedIoUCost"):
        assert type(TASK_UTILS.build({"type": name})).__name__ == name.split(".")[1]
