"""How fast YuNet_n trains where its data are on the device already."""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch.profiler import ProfilerActivity, profile

from gpu_sections.models import build, images, samples
from gpu_sections.report import Report, Setting
from gpu_sections.timing import forget_peak, peak_gigabytes, seconds_per_call, tf32, wait
from mmeiou.engine import BFloat16OptimWrapper, CompileHook

FACES = 20
PROFILED = 3  # steps


class Precision(NamedTuple):
    """How a step computes."""

    wrapper: Callable[..., OptimWrapper]
    tf32: bool


def precisions(setting: Setting) -> dict[str, Precision]:
    """By the names in the table."""
    if not setting.cuda:
        return {
            "float32": Precision(OptimWrapper, tf32=False),
            "bfloat16, AMP": Precision(BFloat16OptimWrapper, tf32=False),
        }
    return {
        "float32": Precision(OptimWrapper, tf32=False),
        "TF32": Precision(OptimWrapper, tf32=True),
        "float16, AMP": Precision(_amp("float16"), tf32=True),
        "bfloat16, AMP": Precision(_amp("bfloat16"), tf32=True),
    }


def _amp(dtype: str) -> Callable[..., OptimWrapper]:
    def wrapper(optimizer: Any) -> OptimWrapper:
        return AmpOptimWrapper(optimizer=optimizer, dtype=dtype)

    return wrapper


LAYOUTS = {
    "contiguous": (torch.contiguous_format, torch.contiguous_format),
    "channels_last images": (torch.channels_last, torch.contiguous_format),
    "channels_last images and weights": (torch.channels_last, torch.channels_last),
}
"""Of the images, of the weights."""
SHIPPED = "channels_last images"  # as the preprocessor gives them
OTHERS = [layout for layout in LAYOUTS if layout != SHIPPED]


def make_step(
    setting: Setting, model: Any, batch: int, precision: Precision, layout: str
) -> Callable[[], None]:
    """A whole training step but for the loader and the preprocessor."""
    of_images, of_weights = LAYOUTS[layout]
    side = setting.pick(640, 128)
    model = model.to(setting.device).to(memory_format=of_weights).train()
    inputs = images(batch, side).to(setting.device).float().contiguous(memory_format=of_images)
    faces = [sample.to(setting.device) for sample in samples(batch, side, FACES)]
    # A rate at which weights stay where random faces put them.
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6, momentum=0.9)
    wrapper = precision.wrapper(optimizer=optimizer)

    def step() -> None:
        with wrapper.optim_context(model):
            losses = model(inputs, faces, mode="loss")
        wrapper.update_params(model.parse_losses(losses)[0])

    return step


@contextmanager
def _tuned(allowed: bool) -> Any:
    """Let cuDNN try its convolutions first, as ``cudnn_benchmark=True`` of a config does."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def measure(setting: Setting, report: Report) -> None:
    """Images per second and memory, by precision, layout and batch."""
    if not setting.cuda:
        report.only_gpu("TF32, AMP in float16, memory")
    report.note("network, losses, backward pass and update; no loader, no preprocessor")
    add = report.table("precision", "layout", "batch", "images / s", "peak GB")
    batches = setting.pick((16, 64), (2,))
    cases = [(name, SHIPPED, batch, False) for batch in batches for name in precisions(setting)]
    if setting.cuda:
        cases += [
            (name, layout, batch, tuned)
            for batch in batches
            for name in ("TF32", "float16, AMP")
            for layout, tuned in [*((one, False) for one in OTHERS), (SHIPPED, True)]
        ]
    for name, layout, batch, tuned in cases:
        with report.trying(f"{name}, {layout}, {batch}"):
            precision = precisions(setting)[name]
            forget_peak(setting)
            with tf32(precision.tf32), _tuned(tuned):
                step = make_step(setting, build(setting, fresh=True), batch, precision, layout)
                seconds = seconds_per_call(step, setting)
            said = f"{name}, cudnn_benchmark" if tuned else name
            add(said, layout, batch, batch / seconds, peak_gigabytes(setting))
    _busy(setting, report, batches)


def _busy(setting: Setting, report: Report, batches: Sequence[int]) -> None:
    """What of a step the GPU works, and in how many kernels: few and long ones fill it."""
    if not setting.cuda:
        report.only_gpu("what of a step it works")
        return
    add = report.table("TF32, profiled", "batch", "kernels a step", "ms of kernels", "ms of a step")
    for batch in batches:
        with report.trying(f"profile, {batch}"), tf32(allowed=True):
            model = build(setting, fresh=True)
            step = make_step(setting, model, batch, precisions(setting)["TF32"], SHIPPED)
            seconds = seconds_per_call(step, setting)
            with profile(activities=[ProfilerActivity.CUDA]) as profiler:
                for _ in range(PROFILED):
                    step()
                wait(setting)
            kernels = [
                one
                for one in profiler.profiler.kineto_results.events()
                if one.device_type().name == "CUDA"
            ]
            spent = sum(one.duration_ns() for one in kernels) / 1e6
            per_step = len(kernels) / PROFILED, spent / PROFILED
            add("kernels and copies", batch, *per_step, 1e3 * seconds)


def measure_compiled(setting: Setting, report: Report) -> None:
    """The same with backbone and neck compiled, whatever that takes."""
    add = report.table("form", "batch", "images / s", "peak GB")
    # A compiler for the CPU takes a minute; the script is tried without it.
    options = setting.pick({}, {"backend": "eager"})
    if setting.small:
        report.note("compiled by nothing: backend='eager'")
    names = setting.pick(["TF32", "float16, AMP"], ["float32"])
    for name in [name for name in names if name in precisions(setting)]:
        batch = setting.pick(64, 2)
        for form in (name, f"{name}, compiled"):
            with report.trying(form):
                model = build(setting, fresh=True)
                if form != name:
                    CompileHook(**options).before_train(SimpleNamespace(model=model))
                precision = precisions(setting)[name]
                forget_peak(setting)
                with tf32(precision.tf32):
                    step = make_step(setting, model, batch, precision, SHIPPED)
                    seconds = seconds_per_call(step, setting)
                add(form, batch, batch / seconds, peak_gigabytes(setting))
