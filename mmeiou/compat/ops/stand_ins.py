"""Stand-ins for the few compiled MMCV ops that detectors need, put in place where MMCV has none."""

import importlib.util
import logging
import multiprocessing
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from mmengine.logging import print_log
from torch import Tensor

from mmeiou.compat.ops import torchvision_kernels
from mmeiou.compat.ops.roi_align import RoIAlignConfig, roi_align, roi_align_backward
from mmeiou.compat.ops.roi_align_max import roi_align_max, roi_align_max_backward
from mmeiou.compat.ops.soft_nms import SoftNMSMethod, soft_nms
from mmeiou.functional.nms import nms

_NAME = "mmcv._ext"
_SOFT_NMS_METHODS: tuple[SoftNMSMethod, ...] = ("naive", "linear", "gaussian")
# Without these options pip finds nothing to do, or takes the wheel without ops from its cache.
_HOW_TO_COMPILE = (
    "MMCV_WITH_OPS=1 pip install --no-build-isolation --no-cache-dir --force-reinstall --no-deps "
    "onedl-mmcv (or mmcv==2.1.0 in place of mmcv-lite)"
)


class OpStandIns(ModuleType):
    """Takes the place of ``mmcv._ext``, keeping to the way in which MMCV's Python side calls it.

    Tensors are positional, outputs included, which are written in place; options are keywords.
    Any other attribute is a function that raises NotImplementedError when called, because MMCV
    asks for the names of all its ops as soon as one of them is imported.
    """

    def __init__(self) -> None:
        super().__init__(_NAME, "PyTorch stand-ins by mmeiou.")
        # Without a loader, so that who asks whether MMCV has compiled ops still gets a no.
        self.__spec__ = ModuleSpec(_NAME, loader=None, origin=__name__)

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        if name.startswith("__"):
            raise AttributeError(f"module {_NAME!r} has no attribute {name!r}")

        def missing(*_args: object, **_options: object) -> NoReturn:
            raise NotImplementedError(
                f"the op {name!r} needs MMCV with compiled ops: {_HOW_TO_COMPILE}. "
                "mmeiou stands in only for nms, softnms and roi_align."
            )

        return missing

    @staticmethod
    def get_compiler_version() -> str:
        """What MMCV's environment report shows where ops are not compiled."""
        return "n/a"

    get_compiling_cuda_version = get_compiler_version

    @staticmethod
    def nms(boxes: Tensor, scores: Tensor, *, iou_threshold: float, offset: int) -> Tensor:
        """See :func:`mmeiou.functional.nms.nms`."""
        if offset == 0 and torchvision_kernels.usable(boxes, scores):
            return torchvision_kernels.nms(boxes, scores, iou_threshold)
        return nms(boxes, scores, iou_threshold, offset)

    @staticmethod
    def softnms(
        boxes: Tensor,
        scores: Tensor,
        dets: Tensor,
        *,
        iou_threshold: float,
        sigma: float,
        min_score: float,
        method: int,
        offset: int,
    ) -> Tensor:
        """See :func:`mmeiou.compat.ops.soft_nms.soft_nms`; fills the first rows of ``dets``."""
        kept, indices = soft_nms(
            boxes, scores, iou_threshold, sigma, min_score, _SOFT_NMS_METHODS[method], offset
        )
        dets[: len(kept)] = kept
        return indices

    @staticmethod
    def roi_align_forward(
        features: Tensor,
        rois: Tensor,
        output: Tensor,
        argmax_y: Tensor,
        argmax_x: Tensor,
        **options: Any,
    ) -> None:
        """See :func:`mmeiou.compat.ops.roi_align.roi_align`; fills ``output``.

        With the maximum (``pool_mode=0``) also ``argmax_y`` and ``argmax_x``.
        """
        average, config = _roi_align_options(**options)
        if average:
            compiled = torchvision_kernels.usable(features, rois)
            kernel = torchvision_kernels.roi_align if compiled else roi_align
            output.copy_(kernel(features, rois, config))
        else:
            results = roi_align_max(features, rois, config)
            for buffer, result in zip((output, argmax_y, argmax_x), results, strict=True):
                buffer.copy_(result)

    @staticmethod
    def roi_align_backward(
        grad_output: Tensor,
        rois: Tensor,
        argmax_y: Tensor,
        argmax_x: Tensor,
        grad_input: Tensor,
        **options: Any,
    ) -> None:
        """Gradient of :meth:`roi_align_forward`, added to ``grad_input``."""
        average, config = _roi_align_options(**options)
        shape = grad_input.shape
        if average and torchvision_kernels.usable(grad_output, rois):
            grad = torchvision_kernels.roi_align_backward(grad_output, rois, shape, config)
        elif average:
            grad = roi_align_backward(grad_output, rois, shape, config)
        else:
            grad = roi_align_max_backward(grad_output, rois, argmax_y, argmax_x, shape)
        grad_input.add_(grad)


def _roi_align_options(
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> tuple[bool, RoIAlignConfig]:
    """MMCV's options as whether to average (else take the maximum), and how to sample."""
    size = (aligned_height, aligned_width)
    return pool_mode == 1, RoIAlignConfig(size, spatial_scale, sampling_ratio, aligned)


def install(_mmcv: ModuleType) -> None:
    """Put the stand-ins in place unless MMCV has compiled ops."""
    if importlib.util.find_spec(_NAME) is None:
        sys.modules[_NAME] = OpStandIns()


def announce(_mmcv_ops: ModuleType) -> None:
    """Log that the stand-ins are used, once: workers import MMCV too, and the other ranks."""
    # not by parent_process(), which is still unknown while a spawned worker imports
    main = multiprocessing.current_process().name == "MainProcess"
    first = os.environ.get("RANK", "0") == "0"
    if main and first and isinstance(sys.modules[_NAME], OpStandIns):
        print_log(
            "MMCV has no compiled ops here: nms, softnms and roi_align are mmeiou's, in PyTorch "
            "and exact; any other op raises an error that says how to compile it",
            logger="current",
            level=logging.INFO,
        )
