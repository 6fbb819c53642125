"""Values of the IoU loss, and the hooks that its branch gets features from."""

import pytest
import torch
from torch import nn

from mmeiou.models.dense_heads import YuNetIoUHead
from mmeiou.models.dense_heads.input_hooks import inputs_of


def test_values_derived_by_hand() -> None:
    """Overlap 2 x 2 of two boxes of area 12: IoU 4/20 = 0.2; equal boxes: 1.

    Smooth-L1, beta 1: 0.5 * (0.8 - 0.2)**2 = 0.18 and |2.5 - 1| - 0.5 = 1, on average 0.59. Its
    slopes are the difference 0.6 and 1, halved.
    """
    head = YuNetIoUHead(1, 4, feat_channels=4)
    boxes = torch.tensor([[0.0, 0, 4, 3], [5, 5, 7, 6]])
    gt_bboxes = torch.tensor([[2.0, 1, 6, 4], [5, 5, 7, 6]])
    outputs = torch.tensor([0.8, 2.5], requires_grad=True)
    loss = head._iou_loss(outputs, boxes, gt_bboxes)
    assert loss.item() == pytest.approx(0.59)
    loss.backward()
    assert outputs.grad.tolist() == pytest.approx([0.3, 0.5])
    # Clamped for the score alone.
    assert head.predicted_iou(outputs).tolist() == pytest.approx([0.8, 1.0])


def test_gradient_through_the_target_derived_by_hand() -> None:
    """(0, 0, w, 1) in (0, 0, 4, 1) has IoU w/4; with prediction 0.8 and w = 2 the loss is
    0.5 * (0.8 - w/4)**2, its slope -(0.8 - 0.5) / 4 = -0.075."""
    head = YuNetIoUHead(1, 4, feat_channels=4, detach_iou_target=False)
    boxes = torch.tensor([[0.0, 0, 2, 1]], requires_grad=True)
    gt_bboxes = torch.tensor([[0.0, 0, 4, 1]])
    head._iou_loss(torch.tensor([0.8]), boxes, gt_bboxes).backward()
    assert boxes.grad[0, 2].item() == pytest.approx(-0.075)


def test_inputs_are_seen_inside_the_block_alone() -> None:
    first, second = nn.Identity(), nn.Identity()
    a, b = torch.ones(1), torch.zeros(1)
    with inputs_of(first, second) as seen:
        second(b)
        first(a)
    first(b)
    assert [id(x) for x in seen] == [id(b), id(a)]


def test_hooks_do_not_outlive_an_error() -> None:
    module = nn.Identity()
    with pytest.raises(ZeroDivisionError), inputs_of(module):
        raise ZeroDivisionError
    assert not module._forward_pre_hooks
