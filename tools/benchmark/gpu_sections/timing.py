"""Times and memory on a device that works while Python goes on."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from gpu_sections.report import Setting


def wait(setting: Setting) -> None:
    """For everything that the device was told to do."""
    if setting.cuda:
        torch.cuda.synchronize()


def seconds_per_call(
    function: Callable[[], object], setting: Setting, *, warm_up: int = 5, window: float = 0.1
) -> float:
    """Median over five windows of about ``window`` seconds, each waited for; small: one call each.

    Calls inside a window follow each other without a wait, as training steps do.
    """
    for _ in range(setting.pick(warm_up, 1)):
        function()
    wait(setting)
    start = time.perf_counter()
    function()
    wait(setting)
    once = time.perf_counter() - start
    calls = setting.pick(max(1, round(window / once)), 1)
    spent = []
    for _ in range(setting.pick(5, 1)):
        start = time.perf_counter()
        for _ in range(calls):
            function()
        wait(setting)
        spent.append((time.perf_counter() - start) / calls)
    return statistics.median(spent)


def forget_peak(setting: Setting) -> None:
    """Begin to measure memory."""
    if setting.cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gigabytes(setting: Setting) -> float | str:
    """Of PyTorch's allocations since :func:`forget_peak`; not known of a CPU."""
    return torch.cuda.max_memory_allocated() / 1e9 if setting.cuda else "-"


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Let convolutions and matrix products round their inputs to TF32, or not."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
