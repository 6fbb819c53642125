"""What the device is, and what it can do at best."""

import importlib.metadata
import platform
from collections.abc import Callable
from typing import Any

import torch
from report import machine

from gpu_sections.report import Report, Setting
from gpu_sections.timing import seconds_per_call, tf32

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python", "opencv-python-headless")
STACK = ("onedl-mmdetection", "onedl-mmcv", "onedl-mmengine", "mmdet", "mmcv-lite", "mmengine")


def measure(setting: Setting, report: Report) -> None:
    """Names, versions, bandwidth of copies, rate of matrix products."""
    add = report.table("what", "is")
    add("machine", machine())
    add("system", f"{platform.system()} {platform.machine()}")
    if setting.cuda:
        properties = torch.cuda.get_device_properties(0)
        add("GPU", f"{properties.name}, {properties.total_memory / 1e9:.0f} GB")
        cudnn: Any = torch.backends.cudnn  # untyped in torch
        add("CUDA, cuDNN", f"{torch.version.cuda}, {cudnn.version()}")
    installed = {
        one.metadata["Name"].lower(): one.metadata["Version"]
        for one in importlib.metadata.distributions()
    }
    for name in (*PACKAGES, *STACK):
        if name in installed:
            add(name, installed[name])
    add = report.table("at best", "per second")
    with report.trying("copies"):
        _copies(setting, add)
    side = setting.pick(8192, 256)
    kinds = [("float32", torch.float32, False), ("bfloat16", torch.bfloat16, False)]
    if setting.cuda:
        kinds += [("TF32", torch.float32, True), ("float16", torch.float16, False)]
    else:
        report.only_gpu("TF32, float16, copies between host and device")
    for name, dtype, rounded in kinds:
        with report.trying(f"matrix product, {name}"), tf32(rounded):
            a = torch.rand(side, side, device=setting.device).to(dtype)
            seconds = seconds_per_call(lambda a=a: a @ a, setting, warm_up=2)  # type: ignore[misc]
            add(f"matrix product, {name}", f"{2 * side**3 / seconds / 1e12:.3g} TFLOP")


def _copies(setting: Setting, add: Callable[..., None]) -> None:
    size = setting.pick(1 << 30, 1 << 22)
    one = torch.zeros(size, dtype=torch.uint8, device=setting.device)
    other = torch.empty_like(one)
    seconds = seconds_per_call(lambda: other.copy_(one), setting, warm_up=2)
    add("copy on the device, read and written", f"{2 * size / seconds / 1e9:.0f} GB")
    if not setting.cuda:
        return
    for name, pinned in (("pinned", True), ("pageable", False)):
        host = torch.zeros(size // 8, dtype=torch.uint8, pin_memory=pinned)
        there = one[: size // 8]
        seconds = seconds_per_call(
            lambda host=host, there=there: there.copy_(host),  # type: ignore[misc]
            setting,
            warm_up=2,
        )
        add(f"copy to the device, {name}", f"{size / 8 / seconds / 1e9:.3g} GB")
