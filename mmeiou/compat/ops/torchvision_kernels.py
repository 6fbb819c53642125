"""torchvision's compiled kernels, called as those that they replace."""

import importlib
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mmeiou.compat.ops.roi_align import RoIAlignConfig, check_rois


def usable(*tensors: Tensor) -> bool:
    """Whether the kernels below can and should be used for these inputs.

    Not on the CPU: there torchvision, like MMCV, loops over single samples, which is slower than
    the whole blocks and matrix products of our functions. Nor when deterministic algorithms are
    demanded, for the gradient of its RoIAlign is not one.
    """
    device = tensors[0].device.type
    fits = device != "cpu" and all(tensor.dtype == torch.float32 for tensor in tensors)
    return fits and not torch.are_deterministic_algorithms_enabled() and _runs_on(device)


@cache
def _runs_on(device: str) -> bool:
    """Try the kernels on a device.

    A torchvision that was not built for the installed torch fails in many ways: on import, by
    missing ops, or by ops without a kernel for the device.
    """
    roi = torch.zeros(1, 5, device=device)
    try:
        importlib.import_module("torchvision")
        nms(roi[:, 1:], roi[:, 0], 0.5)
        roi_align(roi.view(1, 1, 1, 5), roi, RoIAlignConfig((1, 1)))
    except (ImportError, OSError, RuntimeError, AttributeError):
        return False
    return True


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """See :func:`mmeiou.functional.nms.nms`, with ``offset=0``."""
    # compared in double precision here, but MMCV rounds it to float32
    threshold = float(np.float32(iou_threshold))
    return torch.ops.torchvision.nms(boxes, scores, threshold)


def roi_align(features: Tensor, rois: Tensor, config: RoIAlignConfig) -> Tensor:
    """See :func:`mmeiou.compat.ops.roi_align.roi_align`."""
    check_rois(rois, config)
    (height, width), scale, ratio, aligned = config
    return torch.ops.torchvision.roi_align(features, rois, scale, height, width, ratio, aligned)


def roi_align_backward(
    grad_output: Tensor, rois: Tensor, input_shape: torch.Size, config: RoIAlignConfig
) -> Tensor:
    """See :func:`mmeiou.compat.ops.roi_align.roi_align_backward`."""
    (height, width), scale, ratio, aligned = config
    return torch.ops.torchvision._roi_align_backward(  # noqa: SLF001  the only way to it
        grad_output, rois, scale, height, width, *input_shape, ratio, aligned
    )
