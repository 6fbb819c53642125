"""Whether the operators of Faster R-CNN give what they give on the CPU, whoever computes them."""

from collections.abc import Callable

import mmeiou  # noqa: F401 # isort: skip - first, it gives MMCV its operators
import torch
from losses import random_boxes
from mmcv.ops import nms as mmcv_nms
from mmcv.ops import roi_align as mmcv_roi_align
from torch import Tensor

from gpu_sections.report import Report, Setting
from gpu_sections.timing import seconds_per_call, tf32
from mmeiou.compat.ops import torchvision_kernels
from mmeiou.compat.ops.roi_align import RoIAlignConfig, roi_align, roi_align_backward
from mmeiou.functional.nms import nms

SIZE = (7, 7)
SCALE = 1 / 4
CONFIG = RoIAlignConfig(SIZE, SCALE)
THRESHOLD = 0.5


def through_mmcv(boxes: Tensor, scores: Tensor) -> Tensor:
    """As a detector calls it."""
    return mmcv_nms(boxes, scores, THRESHOLD)[1]


def stand_in(boxes: Tensor, scores: Tensor) -> Tensor:
    """Of mmeiou."""
    return nms(boxes, scores, THRESHOLD)


def kernel(boxes: Tensor, scores: Tensor) -> Tensor:
    """Of torchvision."""
    return torchvision_kernels.nms(boxes, scores, THRESHOLD)


def pooled_by_mmcv(features: Tensor, rois: Tensor) -> tuple[Tensor, Tensor]:
    """Output and gradient, as a detector calls it."""
    leaf = features.detach().requires_grad_()
    output = mmcv_roi_align(leaf, rois, SIZE, SCALE)
    output.backward(output.detach())
    assert leaf.grad is not None
    return output.detach(), leaf.grad


def pooled(features: Tensor, rois: Tensor) -> tuple[Tensor, Tensor]:
    """Of mmeiou."""
    output = roi_align(features, rois, CONFIG)
    return output, roi_align_backward(output, rois, features.shape, CONFIG)


def pooled_by_kernel(features: Tensor, rois: Tensor) -> tuple[Tensor, Tensor]:
    """Of torchvision."""
    output = torchvision_kernels.roi_align(features, rois, CONFIG)
    return output, torchvision_kernels.roi_align_backward(output, rois, features.shape, CONFIG)


def compare(setting: Setting, report: Report) -> None:
    """NMS and RoIAlign: the stand-ins, torchvision's kernels, and what MMCV calls."""
    random = torch.Generator().manual_seed(0)
    boxes = random_boxes(setting.pick(4000, 300), random)
    scores = torch.rand(len(boxes), generator=random)
    features = torch.rand(2, setting.pick(256, 8), 128, 128, generator=random)
    rois = random_boxes(setting.pick(512, 20), random)
    image = torch.arange(len(rois)).remainder(2)[:, None].float()
    rois = torch.cat([image, rois], dim=1)
    usable = torchvision_kernels.usable(boxes.to(setting.device))
    if setting.cuda:
        report.check("torchvision's kernels missing", not usable, 0)
    else:
        report.only_gpu("torchvision's kernels")
    add = report.table("operator", "by", "ms", "difference from the CPU")
    suppressing = {"MMCV's interface": through_mmcv, "stand-in": stand_in}
    pooling = {"MMCV's interface": pooled_by_mmcv, "stand-in": pooled}
    if usable:
        suppressing["torchvision"], pooling["torchvision"] = kernel, pooled_by_kernel
    kept = stand_in(boxes, scores)
    moved = boxes.to(setting.device), scores.to(setting.device)
    for name, suppress in suppressing.items():
        with report.trying(f"nms by {name}"):
            found = suppress(*moved).cpu()
            other = len(set(kept.tolist()) ^ set(found.tolist()))
            add("nms", name, _milliseconds(lambda f=suppress: f(*moved), setting), other)  # type: ignore[misc]
            # In a kernel that rounds less often, a pair may be on the other side of the threshold.
            report.check(f"nms by {name}: boxes kept by one only", other, 4 if usable else 0)
    expected = pooled(features, rois)
    there = features.to(setting.device), rois.to(setting.device)
    for name, pool in pooling.items():
        with report.trying(f"roi_align by {name}"), tf32(allowed=False):
            results = [tensor.cpu() for tensor in pool(*there)]
            apart = max(
                float((a - b).abs().max() / b.abs().max())
                for a, b in zip(results, expected, strict=True)
            )
            add(
                "roi_align, with gradient",
                name,
                _milliseconds(lambda f=pool: f(*there), setting),  # type: ignore[misc]
                apart,
            )
            report.check(f"roi_align by {name}: relative", apart, 1e-4)


def _milliseconds(function: Callable[[], object], setting: Setting) -> float:
    return 1e3 * seconds_per_call(function, setting, warm_up=2, window=0.05)
