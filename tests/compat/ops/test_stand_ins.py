"""MMCV's Python wrappers on the stand-ins (wherever MMCV's own ops are compiled, too)."""

import inspect
import sys

import mmcv.ops
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from mmeiou.compat.ops.stand_ins import OpStandIns

BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]])
SCORES = torch.tensor([0.8, 0.9, 0.7])


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch):
    for module in ("nms", "roi_align"):
        monkeypatch.setattr(sys.modules[f"mmcv.ops.{module}"], "ext_module", OpStandIns())


def test_nms():
    dets, kept = mmcv.ops.nms(BOXES, SCORES, 0.5)
    assert kept.tolist() == [1, 2]
    assert torch.equal(dets, torch.cat([BOXES, SCORES[:, None]], 1)[kept])
    assert mmcv.ops.nms(BOXES, SCORES, 0.5, score_threshold=0.85)[1].tolist() == [1]
    assert mmcv.ops.nms(BOXES, SCORES, 0.5, max_num=1)[1].tolist() == [1]
    assert mmcv.ops.nms(BOXES.numpy(), SCORES.numpy(), 0.5, offset=1)[1].tolist() == [1, 2]


def test_batched_nms():
    classes = torch.tensor([0, 1, 1])
    config = {"type": "nms", "iou_threshold": 0.5}
    assert mmcv.ops.batched_nms(BOXES, SCORES, classes, config)[1].tolist() == [1, 0, 2]
    agnostic = mmcv.ops.batched_nms(BOXES, SCORES, classes, config, class_agnostic=True)
    assert agnostic[1].tolist() == [1, 2]


def test_soft_nms_fills_the_detections():
    for method, second in (("linear", 0.8 * 2 / 11), ("gaussian", 0.8 * np.exp(-81 / 121 / 0.5))):
        dets, kept = mmcv.ops.soft_nms(BOXES, SCORES, 0.3, method=method)
        assert kept.tolist() == [1, 2, 0]
        assert torch.equal(dets[:, :4], BOXES[kept])
        assert dets[:, 4].tolist() == pytest.approx([0.9, 0.7, second], rel=1e-6)
    assert mmcv.ops.soft_nms(BOXES, SCORES, 0.3, method="naive")[1].tolist() == [1, 2]


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("ratio", [0, 2])
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_has_the_right_gradient(mode, ratio, aligned):
    torch.manual_seed(0)
    # values far enough apart for finite differences not to change which one is the greatest
    features = torch.randperm(60, dtype=torch.float64).view(2, 1, 5, 6).requires_grad_()
    rois = torch.tensor(
        [[0, 1.3, 2.1, 9.7, 8.9], [1, -9, 3, 7, 15], [0, 6, 6, 6, 6]], dtype=torch.float64
    )
    gradcheck(mmcv.ops.roi_align, (features, rois, (2, 3), 0.5, ratio, mode, aligned))


def test_roi_align_accepts_gradients_and_features_of_any_layout():
    features = torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    rois = torch.tensor([[0.0, 1, 2, 6, 7], [1, 0, 0, 5, 5]])
    output = mmcv.ops.roi_align(features, rois, (2, 2))
    plain = features.detach().contiguous().requires_grad_()
    expected = mmcv.ops.roi_align(plain, rois, (2, 2))
    assert torch.equal(output, expected)
    for result in (output, expected):
        result.transpose(0, 3).sum(0).square().sum().backward()
    torch.testing.assert_close(features.grad, plain.grad)


def test_other_ops_exist_but_name_themselves_when_called():
    with pytest.raises(NotImplementedError, match=r"'nms_match' .*MMCV_WITH_OPS=1 pip install"):
        mmcv.ops.nms_match(torch.rand(2, 5), 0.5)


def test_looks_like_no_compiled_module():
    assert not hasattr(OpStandIns(), "__path__")
    assert OpStandIns().__spec__.loader is None
    assert inspect.getmodule(OpStandIns.nms).__name__ == "mmeiou.compat.ops.stand_ins"
