import pytest
import torch

from mmeiou.functional.box_voting import box_voting

BOXES = torch.tensor([[0.0, 0, 10, 10], [0, 2, 10, 12], [20, 0, 30, 10], [0, 0, 10, 10]])
SCORES = torch.tensor([0.6, 0.3, 0.5, 0.4])
LABELS = torch.tensor([0, 0, 0, 1])


def test_by_hand() -> None:
    # IoU of the first two is 80 / 120. The last is of another class.
    values = torch.tensor([[10.0, 1], [40, 2], [7, 3], [5, 4]])
    averages, scores = box_voting(
        BOXES, SCORES, LABELS, values, torch.tensor([0, 2, 3]), iou_threshold=0.45, num_views=2
    )
    # (0.6 * 10 + 0.3 * 40) / 0.9 = 20, (0.6 * 1 + 0.3 * 2) / 0.9 = 4 / 3
    torch.testing.assert_close(averages, torch.tensor([[20, 4 / 3], [7, 3], [5, 4]]))
    torch.testing.assert_close(scores, torch.tensor([0.45, 0.25, 0.2]))
    averages, scores = box_voting(
        BOXES, SCORES, LABELS, values, torch.tensor([0, 2, 3]), iou_threshold=0.7, num_views=1
    )
    torch.testing.assert_close(averages, values[[0, 2, 3]])
    torch.testing.assert_close(scores, SCORES[[0, 2, 3]])


def test_each_votes_once_for_the_one_it_overlaps_most() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 4, 10, 14], [0, 3, 10, 13]])  # IoU 7/13 and 9/11
    scores = torch.tensor([0.9, 0.8, 0.7])
    averages, fused = box_voting(
        boxes, scores, LABELS[:3], boxes, torch.tensor([0, 1]), iou_threshold=0.45, num_views=1
    )
    torch.testing.assert_close(averages[0], boxes[0])
    assert averages[1, 1].item() == pytest.approx((0.8 * 4 + 0.7 * 3) / 1.5)
    # More votes than views raise no score above that of the kept detection.
    torch.testing.assert_close(fused, scores[:2])


def test_boxes_without_area_keep_themselves() -> None:
    boxes = torch.tensor([[5.0, 5, 5, 5], [0, 0, 10, 10]])
    averages, scores = box_voting(
        boxes,
        torch.tensor([0.5, 0.4]),
        LABELS[:2],
        boxes,
        torch.tensor([0, 1]),
        iou_threshold=0.45,
        num_views=1,
    )
    torch.testing.assert_close(averages, boxes)
    torch.testing.assert_close(scores, torch.tensor([0.5, 0.4]))
