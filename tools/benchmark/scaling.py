"""Measure how training's cost grows: with processes, faces, image size and batch.

python tools/benchmark/scaling.py DATA_ROOT [--figure docs/images/scaling.png]

Processes train on real faces, loader and exchange of gradients included, by training.py. The other
curves are steps of YuNet_n without a loader, forward, losses and backward, on random images and
faces, whose values do not matter to the time; medians, settings in turn.
"""

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import mmeiou.models  # noqa: F401 # isort: skip - before MMDetection
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from tqdm import tqdm
from training import CONFIG, REPO, WARM_UP, in_process

from mmeiou.engine.reuse_memory_hook import reuse_memory
from mmeiou.registry import MODELS

PROCESSES = ((1, 1), (1, 2), (2, 1))
"""Processes, threads of each."""
FACES = (1, 10, 100, 300, 1000)
SIDES = (160, 320, 480, 640, 960, 1280)
BATCHES = (1, 2, 4, 8, 16, 32)


class Setting(NamedTuple):
    """Of a step."""

    batch: int = 4
    side: int = 640
    faces: int = 20


class Cost(NamedTuple):
    """Seconds of a step."""

    network: float
    """Forward and backward pass of the layers."""
    losses: float
    """Assignment, losses and their gradients with respect to the head's maps."""


SWEEPS = {
    "faces per image": [Setting(faces=faces) for faces in FACES],
    "side of the images, px": [Setting(side=side) for side in SIDES],
    "images per batch": [Setting(batch=batch) for batch in BATCHES],
}
FIELDS = {"faces per image": "faces", "side of the images, px": "side", "images per batch": "batch"}


def faces_of(setting: Setting, random: torch.Generator) -> DetDataSample:
    """Boxes of 4 to 90 pixels anywhere in an image."""
    centre = torch.rand(setting.faces, 2, generator=random) * setting.side
    half = torch.exp(torch.rand(setting.faces, 2, generator=random) * 3 + 1.5) / 2
    gt = InstanceData(
        bboxes=torch.cat([centre - half, centre + half], dim=1).clamp(0, setting.side),
        labels=torch.zeros(setting.faces, dtype=torch.long),
        keypoints=torch.rand(setting.faces, 5, 3, generator=random) * setting.side,
    )
    nothing = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    return DetDataSample(gt_instances=gt, ignored_instances=nothing)


def step(model: Any, setting: Setting) -> Cost:
    """Time one training step."""
    random = torch.Generator().manual_seed(0)
    images = torch.rand(setting.batch, 3, setting.side, setting.side, generator=random) * 255
    samples = [faces_of(setting, random) for _ in range(setting.batch)]
    model.zero_grad()
    start = time.perf_counter()
    maps = model.bbox_head(model.extract_feat(images))
    forward = time.perf_counter()
    leaves = [[level.detach().requires_grad_() for level in branch] for branch in maps]
    gts = [sample.gt_instances for sample in samples]
    losses = model.bbox_head.loss_by_feat(*leaves, gts, None, None)
    sum(losses.values()).backward()
    lost = time.perf_counter()
    flat = [level for branch in maps for level in branch]
    torch.autograd.backward(flat, [leaf.grad for branch in leaves for leaf in branch])
    end = time.perf_counter()
    return Cost(network=forward - start + end - lost, losses=lost - forward)


def sweep(rounds: int) -> dict[Setting, Cost]:
    """Median costs of all settings."""
    reuse_memory()
    init_default_scope("mmdet")
    model: Any = MODELS.build(Config.fromfile(REPO / CONFIG).model)
    model.train()
    costs: defaultdict[Setting, list[Cost]] = defaultdict(list)
    settings = dict.fromkeys(setting for settings in SWEEPS.values() for setting in settings)
    turns = [setting for _ in range(rounds + 1) for setting in settings]  # the first warms up
    for setting in tqdm(turns, desc="steps"):
        costs[setting].append(step(model, setting))
    return {
        setting: Cost(*map(statistics.median, zip(*runs[1:], strict=True)))
        for setting, runs in costs.items()
    }


def throughput(data_root: Path, rounds: int) -> dict[tuple[int, int], float]:
    """Images per second of whole training, by processes and threads."""
    batch = 8
    seconds: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    turns = [case for _ in range(rounds) for case in PROCESSES]
    for processes, threads in tqdm(turns, desc="processes"):
        arguments = [str(data_root), "--batch-size", str(batch), "--threads", str(threads)]
        result = in_process("shipped", [*arguments, "--workers", "1"], processes)
        seconds[processes, threads] += result.seconds[WARM_UP:]
    return {case: case[0] * batch / statistics.median(runs) for case, runs in seconds.items()}


def tables(speeds: dict[tuple[int, int], float], costs: dict[Setting, Cost]) -> list[str]:
    """Markdown."""
    lines = ["| processes x threads | images / s |", "|---|---:|"]
    lines += [f"| {p} x {t} | {speed:.1f} |" for (p, t), speed in speeds.items()]
    for title, settings in SWEEPS.items():
        lines += ["", f"| {title} | network, ms / image | losses, ms / image |", "|---|---:|---:|"]
        for setting in settings:
            network, losses = (1e3 * seconds / setting.batch for seconds in costs[setting])
            value = getattr(setting, FIELDS[title])
            lines.append(f"| {value} | {network:.1f} | {losses:.1f} |")
    return lines


def kept(varied: str) -> str:
    """What the other fields are."""
    default = Setting()
    others = {
        "batch": f"{default.batch} images",
        "side": f"{default.side} px",
        "faces": f"{default.faces} faces each",
    }
    return ", ".join(text for field, text in others.items() if field != varied)


def draw(speeds: dict[tuple[int, int], float], costs: dict[Setting, Cost], path: Path) -> None:
    """One panel each."""
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, 4, figsize=(16, 3.6), layout="constrained")
    names = [f"{p} process{'es' * (p > 1)}\n{t} thread{'s' * (t > 1)} each" for p, t in speeds]
    bars = panels[0].bar(names, list(speeds.values()), color="tab:blue")
    panels[0].bar_label(bars, fmt="%.1f")
    panels[0].set(title="whole training", ylabel="images per second")
    panels[0].margins(y=0.12)
    for panel, (title, settings) in zip(panels[1:], SWEEPS.items(), strict=True):
        values = [getattr(setting, FIELDS[title]) for setting in settings]
        for part, colour in (("network", "tab:blue"), ("losses", "tab:orange")):
            each = [1e3 * getattr(costs[setting], part) / setting.batch for setting in settings]
            panel.plot(values, each, "o-", color=colour, label=part)
        panel.set(xlabel=title, ylabel="ms per image", title=f"a step, {kept(FIELDS[title])}")
        panel.set_ylim(bottom=0)
        panel.legend()
        if "faces" in title or "batch" in title:
            panel.set_xscale("log")
            panel.set_xticks(values, [str(value) for value in values])
            panel.minorticks_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE, or a part of it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--figure", type=Path, help="draw the curves into this file")
    args = parser.parse_args()
    speeds = throughput(args.data_root, args.rounds)
    costs = sweep(args.rounds)
    print(*tables(speeds, costs), sep="\n")
    if args.figure:
        draw(speeds, costs, args.figure)


if __name__ == "__main__":
    main()
