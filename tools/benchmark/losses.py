"""Time forward and backward of the box losses, paired in one process.

python tools/benchmark/losses.py [--device cuda] [--out losses.md]

The losses take turns, in an order that changes every round, so that a machine that slows down slows
all of them. Milliseconds (medians) and their ratios are printed. The module is timed as a head
calls it: with weights and an average factor.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from box_losses import CONTENDERS, Contender
from torch import Tensor
from tqdm import tqdm

from mmeiou.models import EIoULoss  # isort: skip - before MMDetection: brings its missing ops
from mmdet.models import losses as mmdet_losses

Loss = Callable[..., Tensor]


def random_boxes(count: int, generator: torch.Generator) -> Tensor:
    """Boxes ``(count, 4)`` x1 y1 x2 y2 of 5 to 155 pixels; pairs of them overlap, touch or not."""
    corner = torch.rand(count, 2, generator=generator) * 300
    size = torch.rand(count, 2, generator=generator) * 150 + 5
    return torch.cat([corner, corner + size], dim=1)


def as_called(contender: Contender, device: str) -> Loss:
    """The loss as a head calls it: with areas of priors, or a weight of each delta, if need be."""
    loss = contender.build().to(device)

    def with_prior_area(pred: Tensor, target: Tensor, weight: Tensor, avg_factor: float) -> Tensor:
        return loss(pred, target, weight, avg_factor, prior_area=weight)

    def of_deltas(pred: Tensor, target: Tensor, weight: Tensor, avg_factor: float) -> Tensor:
        return loss(pred, target, weight[:, None].expand_as(pred), avg_factor)

    if contender.by_prior:
        return with_prior_area
    return of_deltas if contender.on_deltas else loss


def contenders(device: str = "cpu") -> dict[str, Loss]:
    """All losses by their names in the table."""
    return {
        "mmdet EIoU": mmdet_losses.EIoULoss(),
        **{name: as_called(contender, device) for name, contender in CONTENDERS.items()},
        "EIoU, mirror-symmetric": EIoULoss(mirror_symmetric=True),
    }


def seconds_of(loss: Loss, pred: Tensor, target: Tensor, weight: Tensor) -> float:
    """One forward and backward pass, waited for."""
    pred.grad = None
    start = time.perf_counter()
    torch.autograd.backward(loss(pred, target, weight, avg_factor=float(len(pred))))
    if pred.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def median_seconds(
    losses: dict[str, Loss], count: int, seconds: float, device: str = "cpu"
) -> dict[str, float]:
    """Forward and backward pass on ``count`` boxes; the losses take turns for so long."""
    generator = torch.Generator().manual_seed(count)
    pred = random_boxes(count, generator).to(device).requires_grad_()
    target = random_boxes(count, generator).to(device)
    weight = torch.ones(count, device=device)
    times: dict[str, list[float]] = {name: [] for name in losses}
    order = list(losses)
    shuffler = random.Random(0)  # noqa: S311 - an order, not a secret
    with tqdm(total=seconds, desc=f"{count} boxes", unit="s", leave=False) as bar:
        for warming in (True, True, False):
            while True:
                shuffler.shuffle(order)
                start = time.perf_counter()
                for name in order:
                    spent = seconds_of(losses[name], pred, target, weight)
                    if not warming:
                        times[name].append(spent)
                bar.update(0 if warming else time.perf_counter() - start)
                if warming or bar.n >= seconds:
                    break
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Time, print, and write the table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 4096, 262_144])
    parser.add_argument("--seconds", type=float, default=10, help="per size")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="also write the table here, as Markdown")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    losses = contenders(args.device)
    lines = [
        f"torch {torch.__version__}, {args.device}, {args.threads} thread(s)",
        "",
        "| loss | " + " | ".join(f"{n:,} boxes | of EIoU | of GIoU" for n in args.sizes) + " |",
        "|---|" + "---:|" * (3 * len(args.sizes)),
    ]
    columns = []
    for count in args.sizes:
        median = median_seconds(losses, count, args.seconds, args.device)
        columns.append(
            {
                name: f"{value * 1e3:.3f} | {value / median['mmdet EIoU']:.2f} | "
                f"{value / median['GIoU']:.2f}"
                for name, value in median.items()
            }
        )
    lines += [f"| {name} | " + " | ".join(c[name] for c in columns) + " |" for name in losses]
    table = "\n".join(lines)
    print(table)
    if args.out:
        args.out.write_text(table + "\n")


if __name__ == "__main__":
    main()
