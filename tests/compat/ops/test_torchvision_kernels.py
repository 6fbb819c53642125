"""The way to torchvision's kernels, with fakes in their place: torchvision is not needed here."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmeiou.compat.ops import roi_align, torchvision_kernels
from mmeiou.compat.ops.roi_align import RoIAlignConfig
from mmeiou.compat.ops.stand_ins import OpStandIns
from mmeiou.functional import nms

OPTIONS = {
    "aligned_height": 2,
    "aligned_width": 3,
    "spatial_scale": 0.5,
    "sampling_ratio": 0,
    "aligned": True,
}
ROIS = torch.tensor([[0.0, 1, 2, 13, 11], [1, 0, 0, 9, 9]])


def fake_nms(dets, scores, iou_threshold):
    assert iou_threshold == float(np.float32(iou_threshold))
    return nms.nms(dets, scores, iou_threshold)


def fake_roi_align(
    features,
    rois,
    spatial_scale,
    pooled_height,
    pooled_width,
    sampling_ratio,
    aligned,
):
    config = RoIAlignConfig((pooled_height, pooled_width), spatial_scale, sampling_ratio, aligned)
    return roi_align.roi_align(features, rois, config)


def fake_backward(grad, rois, scale, height, width, b, c, h, w, ratio, aligned):
    config = RoIAlignConfig((height, width), scale, ratio, aligned)
    return roi_align.roi_align_backward(grad, rois, torch.Size((b, c, h, w)), config)


@pytest.fixture
def calls(monkeypatch):
    """Names of torchvision's kernels as they are called, here with the argument order of 0.28."""
    names = []

    def logged(name, function):
        return lambda *args: names.append(name) or function(*args)

    kernels = {"nms": fake_nms, "roi_align": fake_roi_align, "_roi_align_backward": fake_backward}
    fake = SimpleNamespace(**{name: logged(name, kernel) for name, kernel in kernels.items()})
    monkeypatch.setattr(torch.ops, "torchvision", fake, raising=False)
    return names


def test_kernels_give_what_the_own_functions_give(calls, monkeypatch):
    features, grad_output = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 2, 3)
    boxes, scores = ROIS[:, 1:], ROIS[:, 0]
    results = {}
    for usable in (False, True):
        monkeypatch.setattr(torchvision_kernels, "usable", lambda *_, usable=usable: usable)
        output, grad_input, empty = torch.empty(2, 3, 2, 3), torch.zeros_like(features), ROIS[:0]
        OpStandIns.roi_align_forward(features, ROIS, output, empty, empty, pool_mode=1, **OPTIONS)
        OpStandIns.roi_align_backward(
            grad_output, ROIS, empty, empty, grad_input, pool_mode=1, **OPTIONS
        )
        kept = OpStandIns.nms(boxes, scores, iou_threshold=0.3, offset=0)
        results[usable] = (output, grad_input, kept)
        assert calls == (["roi_align", "_roi_align_backward", "nms"] if usable else [])
    for ours, theirs in zip(results[False], results[True], strict=True):
        assert torch.equal(ours, theirs)


def test_what_torchvision_does_not_know_stays_here(calls, monkeypatch):
    monkeypatch.setattr(torchvision_kernels, "usable", lambda *_: True)
    features, buffers = torch.rand(2, 3, 8, 8), [torch.empty(2, 3, 2, 3) for _ in range(3)]
    OpStandIns.nms(ROIS[:, 1:], ROIS[:, 0], iou_threshold=0.3, offset=1)
    OpStandIns.roi_align_forward(features, ROIS, *buffers, pool_mode=0, **OPTIONS)
    OpStandIns.roi_align_backward(
        buffers[0], ROIS, *buffers[1:], torch.zeros_like(features), pool_mode=0, **OPTIONS
    )
    assert calls == []


def test_inverted_rois_are_refused_before_the_kernel(calls):
    with pytest.raises(ValueError, match="RoI 0"):
        torchvision_kernels.roi_align(
            torch.rand(1, 1, 8, 8), ROIS[:, [0, 3, 2, 1, 4]], RoIAlignConfig((1, 1))
        )
    assert calls == []


def test_used_for_float32_away_from_the_cpu(monkeypatch):
    monkeypatch.setattr(torchvision_kernels, "_runs_on", lambda _device: True)
    away = torch.zeros(1, device="meta")
    assert torchvision_kernels.usable(away, away)
    assert not torchvision_kernels.usable(torch.zeros(1), torch.zeros(1))
    assert not torchvision_kernels.usable(away, away.half())
    torch.use_deterministic_algorithms(mode=True)
    try:
        assert not torchvision_kernels.usable(away, away)
    finally:
        torch.use_deterministic_algorithms(mode=False)


@pytest.mark.parametrize(
    ("source", "works"),
    [
        ("", True),
        ("raise RuntimeError('operator torchvision::nms does not exist')", False),
        ("raise OSError('libcudart.so.13: cannot open shared object file')", False),
        ("import a_module_that_is_missing", False),
    ],
)
@pytest.mark.usefixtures("calls")
def test_a_torchvision_that_does_not_load_is_not_used(source, works, tmp_path, monkeypatch):
    (tmp_path / "torchvision.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "torchvision", None)  # to be taken out again afterwards
    del sys.modules["torchvision"]
    assert torchvision_kernels._runs_on.__wrapped__("cpu") is works


def test_a_torchvision_without_kernels_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "torchvision.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    del sys.modules["torchvision"]
    monkeypatch.setattr(torch.ops, "torchvision", SimpleNamespace(), raising=False)
    assert not torchvision_kernels._runs_on.__wrapped__("cpu")
