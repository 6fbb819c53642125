"""Time YuNet's head loss with our SimOTA against MMDetection's, in one process.

python tools/benchmark/assignment.py [--rounds 5]

Of one thread: targets, losses and backward pass of the same head, on the same maps and boxes, the
assigners taking turns. Peak memory is what torch's profiler saw allocated beyond the inputs.
"""

import argparse
import statistics
import time
from typing import Any

import mmeiou  # noqa: F401 # isort: skip - first, it gives MMCV's operators to MMDetection
import torch
from mmdet.utils import register_all_modules
from mmengine.structures import InstanceData
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from tqdm import tqdm

from mmeiou.registry import MODELS

SIDE = 640
STRIDES = (8, 16, 32)
ASSIGNERS = {"MMDetection's": "mmdet.SimOTAAssigner", "ours": "mmeiou.SimOTAAssigner"}

Maps = list[list[Tensor]]


def crowd(images: int, faces: int) -> tuple[Maps, list[InstanceData]]:
    """Random maps of an early training stage and faces of 4 to 90 pixels."""
    random = torch.Generator().manual_seed(0)
    maps = [
        [
            0.3 * torch.randn(images, channels, SIDE // s, SIDE // s, generator=random)
            for s in STRIDES
        ]
        for channels in (1, 4, 1, 10)
    ]
    gts = []
    for _ in range(images):
        centre = torch.rand(faces, 2, generator=random) * SIDE
        half = torch.exp(torch.rand(faces, 2, generator=random) * 3 + 1.5) / 2
        gts.append(
            InstanceData(
                bboxes=torch.cat([centre - half, centre + half], dim=1).clamp(0, SIDE),
                labels=torch.zeros(faces, dtype=torch.long),
                keypoints=torch.rand(faces, 5, 3, generator=random) * SIDE,
            )
        )
    return maps, gts


def step(head: Any, maps: Maps, gts: list[InstanceData]) -> float:
    """Loss of one training step, after its backward pass."""
    leaves = [[level.clone().requires_grad_() for level in branch] for branch in maps]
    losses = head.loss_by_feat(*leaves, gts, None, None)
    total = sum(losses.values())
    total.backward()
    return float(total)


def peak_megabytes(head: Any, maps: Maps, gts: list[InstanceData]) -> float:
    """Largest sum of live allocations during a step."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step(head, maps, gts)
    live = peak = 0
    memory = (e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]")
    for event in sorted(memory, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak / 1e6


def main() -> None:
    """Time both heads for each crowd, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    register_all_modules()
    heads = {
        name: MODELS.build(
            {
                "type": "mmeiou.YuNetHead",
                "num_classes": 1,
                "in_channels": 64,
                "train_cfg": {"assigner": {"type": assigner}},
            }
        )
        for name, assigner in ASSIGNERS.items()
    }
    print(
        "| images x faces | MMDetection's, s | ours, s | times as fast | peak MB | ours |",
        "|---|---:|---:|---:|---:|---:|",
        sep="\n",
    )
    for images, faces in ((16, 10), (16, 100), (16, 500), (4, 500), (2, 1500)):
        maps, gts = crowd(images, faces)
        spent: dict[str, list[float]] = {name: [] for name in heads}
        for _ in tqdm(range(args.rounds), desc=f"{images} x {faces}", leave=False):
            for name, head in heads.items():
                begin = time.process_time()
                step(head, maps, gts)
                spent[name].append(time.process_time() - begin)
        totals = [step(head, maps, gts) for head in heads.values()]
        if abs(totals[0] - totals[1]) > 1e-4 * totals[0]:
            raise SystemExit(f"the losses differ: {totals}")
        theirs, ours = (statistics.median(seconds) for seconds in spent.values())
        memory = [peak_megabytes(head, maps, gts) for head in heads.values()]
        print(
            f"| {images} x {faces} | {theirs:.3f} | {ours:.3f} | {theirs / ours:.1f} "
            f"| {memory[0]:.0f} | {memory[1]:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
