import torch

from mmeiou.functional.boxes import box_area, box_iof, box_iou

A = torch.tensor([0.0, 0.0, 4.0, 2.0])  # area 8
B = torch.tensor([2.0, 1.0, 5.0, 5.0])  # area 12; they share (2, 1)-(4, 2), area 2


def test_values_derived_by_hand() -> None:
    assert box_area(A) == 8
    assert box_iou(A, B) == 2 / 18
    assert box_iof(A, B) == 2 / 8
    assert box_iof(B, A) == 2 / 12


def test_apart_inverted_and_degenerate_boxes_overlap_nothing() -> None:
    far = torch.tensor([9.0, 9.0, 10.0, 10.0])
    inverted = torch.tensor([3.0, 2.0, 1.0, 1.0])
    point = torch.tensor([1.0, 1.0, 1.0, 1.0])
    for other in (far, inverted, point):
        assert box_iou(A, other) == 0
    assert box_area(inverted) == 0
    assert box_iou(point, point) == 0


def test_pairs_broadcast() -> None:
    assert box_iou(torch.stack([A, B])[:, None], torch.stack([A, B, A])).shape == (2, 3)
