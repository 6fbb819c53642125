"""Keeps the C library from giving freed memory back to the system at every step."""

import ctypes
import platform

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmeiou.registry import HOOKS

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_NEVER = 2**31 - 1


@HOOKS.register_module()
class ReuseMemoryHook(Hook):
    """Lets training on the CPU keep the memory of one step for the next.

    glibc maps every large block anew from the system, and activations are large blocks: each step
    then waits for the kernel to hand out, and clear, gigabytes page by page. With this hook they
    come from a heap that does not shrink. The process holds its peak of memory until it ends.
    Nothing happens on a GPU, whose memory PyTorch reuses by itself, or without glibc.

    Args:
        enable: False leaves the C library as it is: a config cannot take a hook of its base away.
    """

    priority = "VERY_HIGH"

    def __init__(self, *, enable: bool = True) -> None:
        self.enable = enable

    def before_run(self, runner: Runner) -> None:
        """Set it before the first step, and before workers start that inherit it."""
        device = next(runner.model.parameters()).device
        if self.enable and device.type == "cpu":
            reuse_memory()


def reuse_memory() -> bool:
    """Make this process keep freed memory; False where that cannot be set."""
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_M_MMAP_MAX, 0) and libc.mallopt(_M_TRIM_THRESHOLD, _NEVER))
