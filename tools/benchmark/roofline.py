"""Where a training step's time goes, and how near each kind of operation is to the machine's limit.

python tools/benchmark/roofline.py [--batch-size 16] [--size 640]

Every operation of forward pass, losses and backward pass of YuNet_n is timed as PyTorch calls it.
It needs at least the time to read its tensors and write its results once, at the speed with which
this machine copies large tensors, and at least that of its multiplications, at the speed of a large
matrix product. The sum over the convolutions is a limit for any program that keeps their inputs,
computes the same and runs normalization and activation within them.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import mmeiou.models  # noqa: F401 # isort: skip - before MMDetection
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from scaling import Setting, faces_of
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from training import CONFIG, REPO

from mmeiou.engine.reuse_memory_hook import reuse_memory
from mmeiou.registry import MODELS

KINDS = {
    "convolution": "convolution",
    "convolution_backward": "convolution, backward",
    "native_batch_norm": "normalization",
    "native_batch_norm_backward": "normalization, backward",
    "relu": "activation",
    "relu_": "activation",
    "threshold_backward": "activation, backward",
    "max_pool2d_with_indices": "pooling",
    "max_pool2d_with_indices_backward": "pooling, backward",
}
OTHER = "everything else"
SHARE = 0.02  # of the time, below which an operation is everything else


@dataclass
class Spent:
    """Of one kind of operation in one step."""

    calls: int = 0
    seconds: float = 0.0
    bytes: float = 0.0
    operations: float = 0.0


@dataclass(frozen=True)
class Limits:
    """Of the machine, per second."""

    bytes: float
    operations: float

    def seconds(self, spent: Spent) -> float:
        """In which it could be done."""
        return max(spent.bytes / self.bytes, spent.operations / self.operations)


@dataclass
class Clock(TorchDispatchMode):
    """Times every operation that passes."""

    kinds: defaultdict[str, Spent] = field(default_factory=lambda: defaultdict(Spent))

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        start = time.perf_counter()
        result = func(*args, **(kwargs or {}))
        seconds = time.perf_counter() - start
        name = func.overloadpacket.__name__
        spent = self.kinds[KINDS.get(name, name)]
        spent.calls += 1
        spent.seconds += seconds
        if not func.is_view:
            spent.bytes += traffic(args, kwargs, result)
            spent.operations += operations(name, args, result)
        return result


def traffic(args: Any, kwargs: Any, result: Any) -> float:
    """Bytes of the tensors that come in and go out, each once."""
    tensors = [t for t in tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
    distinct = {(t.data_ptr(), t.numel(), t.dtype): t for t in tensors}
    return float(sum(t.numel() * t.element_size() for t in distinct.values()))


def operations(name: str, args: Any, result: Any) -> float:
    """Multiplications and additions of a convolution."""
    if name == "convolution":
        weight = args[1]
        return 2.0 * result.numel() * weight[0].numel()
    if name == "convolution_backward":
        grad, weight, wanted = args[0], args[2], args[-1]
        return 2.0 * grad.numel() * weight[0].numel() * sum(wanted[:2])
    return 0.0


def limits() -> Limits:
    """Best of several: copying 512 MB, and a product of 2048 x 2048 matrices."""
    source = torch.ones(1 << 26)
    target = torch.empty_like(source)
    matrix = torch.ones(2048, 2048)
    copied = min(_timed(lambda: target.copy_(source)) for _ in range(8))
    multiplied = min(_timed(lambda: matrix @ matrix) for _ in range(8))
    return Limits(2 * 4 * source.numel() / copied, 2 * 2048**3 / multiplied)


def _timed(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def steps(batch: int, side: int, number: int) -> Iterator[tuple[float, dict[str, Spent]]]:
    """Seconds of a step, and of its operations in a step that is timed one by one."""
    reuse_memory()
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model: Any = MODELS.build(Config.fromfile(REPO / CONFIG).model).train()
    random = torch.Generator().manual_seed(0)
    setting = Setting(batch, side)
    images = torch.rand(batch, 3, side, side, generator=random) * 255
    images = images.contiguous(memory_format=torch.channels_last)
    samples = [faces_of(setting, random) for _ in range(batch)]

    def step() -> None:
        model.zero_grad()
        losses = model(images, samples, mode="loss")
        model.parse_losses(losses)[0].backward()

    step()
    for _ in range(number):
        whole = _timed(step)
        with Clock() as clock:
            step()
        yield whole, clock.kinds


def table(taken: list[tuple[float, dict[str, Spent]]], most: Limits) -> list[str]:
    """Markdown; medians over the steps."""
    step = statistics.median(whole for whole, _ in taken)
    merged = {name: _median([kinds[name] for _, kinds in taken]) for name in taken[0][1]}
    total = sum(spent.seconds for spent in merged.values())
    named = {name: s for name, s in merged.items() if s.seconds >= SHARE * total}
    rest = Spent()
    for name in merged.keys() - named.keys():
        for key, value in vars(merged[name]).items():
            setattr(rest, key, getattr(rest, key) + value)
    said = (
        f"A step of {step:.2f} s, {total:.2f} s where each operation is timed; the machine copies "
        f"{most.bytes / 1e9:.1f} GB/s (read and written) and makes {most.operations / 1e9:.0f} "
        "GFLOP/s.\n"
    )
    lines = [
        said,
        "| operation | calls | ms | share | GB | GFLOP | ms at least | of the limit |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    ordered = sorted(named.items(), key=lambda item: -item[1].seconds)
    for name, spent in [*ordered, (OTHER, rest)]:
        least = most.seconds(spent)
        lines.append(
            f"| {name} | {spent.calls:.0f} | {1e3 * spent.seconds:.0f} "
            f"| {spent.seconds / total:.0%} | {spent.bytes / 1e9:.2f} "
            f"| {spent.operations / 1e9:.1f} | {1e3 * least:.0f} | {least / spent.seconds:.0%} |"
        )
    least = sum(most.seconds(spent) for spent in merged.values())
    fused = sum(most.seconds(s) for name, s in merged.items() if name.startswith("convolution"))
    lines += [
        "",
        "| limit | s | of the step |",
        "|---|---:|---:|",
        f"| every operation alone, as it is now | {least:.2f} | {least / step:.0%} |",
        f"| convolutions alone, all else within them | {fused:.2f} | {fused / step:.0%} |",
    ]
    return lines


def _median(runs: list[Spent]) -> Spent:
    return Spent(
        **{key: statistics.median(vars(run)[key] for run in runs) for key in vars(Spent())}
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--steps", type=int, default=3)
    args = parser.parse_args()
    print(*table(list(steps(args.batch_size, args.size, args.steps)), limits()), sep="\n")


if __name__ == "__main__":
    main()
