"""Time YuNet's data pipeline against the same augmentations by MMCV's and MMDetection's transforms.

python tools/benchmark/data.py DATA_ROOT [--seconds 60] [--cache FOLDER] [--out data.md]

One process, one thread: what a worker does, then stacking a batch and making it floats on the host.
Four ways take turns, batch by batch, on the same images with the same random numbers, in an order
that changes every round: straightforward with floats from the beginning (as YuNet's authors do),
straightforward with bytes, ours, and ours with a warm cache of decoded images. Files are read
before, so that the disk is not timed. Milliseconds per image are medians over the rounds, ratios
medians of the ratios within a round.
"""

import argparse
import random
import statistics
import time
from collections import defaultdict
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from mmeiou.models.data_preprocessors import DetDataPreprocessor  # isort: skip - before MMDetection
from mmdet.models import DetDataPreprocessor as MMDetDataPreprocessor
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, init_default_scope
from plain_data import PlainDataset, plain_pipeline

CONFIG = Path(__file__).parents[2] / "configs/_base_/datasets/widerface.py"
STAGES = ("labels", "decode", "annotations", "crop", "resize", "flip", "pack", "batch")
BATCH_SIZE = 16
WARM_UP = 1  # rounds
CACHE_BYTES = 8 << 30

Spent = dict[str, float]


class Way:
    """A dataset and a data preprocessor, timed stage by stage."""

    def __init__(self, dataset: Any, preprocessor: Any) -> None:
        self.dataset = dataset
        self.preprocessor = preprocessor

    def batch(self, indices: list[int], seed: int) -> tuple[Spent, Any]:
        """Milliseconds per image of each stage, and the batch."""
        np.random.seed(seed)  # noqa: NPY002 - what the transforms draw from
        spent: Spent = defaultdict(float)
        samples = []
        clock = time.perf_counter()

        def lap(stage: str) -> None:
            nonlocal clock
            now = time.perf_counter()
            spent[stage] += (now - clock) * 1e3 / len(indices)
            clock = now

        for index in indices:
            results = self.dataset.get_data_info(index)
            lap(STAGES[0])
            for stage, transform in zip(
                STAGES[1:-1], self.dataset.pipeline.transforms, strict=True
            ):
                results = transform(results)
                lap(stage)
            samples.append(results)
        batch = self.preprocessor(pseudo_collate(samples), training=True)
        lap(STAGES[-1])
        return spent, batch


def build_ways(data_root: Path, cache: Path) -> dict[str, Way]:
    """The contenders by their names in the table; ratios are over the first two."""
    init_default_scope("mmdet")
    cfg = Config.fromfile(CONFIG).train_dataloader.dataset
    cfg.data_root = str(data_root)
    cached_cfg = deepcopy(cfg)
    cached_cfg.pipeline[0].cache = {"folder": str(cache), "max_bytes": CACHE_BYTES}
    ours, cached = DATASETS.build(cfg), DATASETS.build(cached_cfg)
    crop, resize = ({k: v for k, v in step.items() if k != "type"} for step in cfg.pipeline[2:4])
    ways = {
        f"straightforward, {kind}": Way(
            PlainDataset(ours, pipeline=plain_pipeline(crop, resize["scale"], to_float32)),
            MMDetDataPreprocessor(pad_size_divisor=32),
        )
        for kind, to_float32 in (("float32", True), ("uint8", False))
    }
    preprocessor = DetDataPreprocessor(pad_size_divisor=32)
    return {**ways, "ours": Way(ours, preprocessor), "ours, cached": Way(cached, preprocessor)}


def rounds(ways: dict[str, Way], images: int, seconds: float) -> dict[str, list[Spent]]:
    """Time batches of all ways in turn."""
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    generator = random.Random(0)  # noqa: S311 - an order, not a secret
    order = list(ways)
    number = min(images, len(ways["ours"].dataset))
    for index in tqdm(range(number), desc="reading files, filling the cache", leave=False):
        ways["ours, cached"].dataset[index]
    start, seed = time.perf_counter(), 0
    with tqdm(total=seconds, desc="rounds", unit="s", leave=False) as bar:
        while seed <= WARM_UP or bar.n < seconds:
            indices = generator.choices(range(number), k=BATCH_SIZE)
            generator.shuffle(order)
            for name in order:
                times, _ = ways[name].batch(indices, seed)
                if seed >= WARM_UP:
                    spent[name].append(times)
            seed += 1
            bar.update(time.perf_counter() - start - bar.n)
    return spent


def table(spent: dict[str, list[Spent]]) -> list[str]:
    """Milliseconds per image by stage, images per second, ratios."""
    names = list(spent)
    totals = {name: [sum(times.values()) for times in spent[name]] for name in names}
    lines = ["| ms per image | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]

    def add(title: str, cells: list[str]) -> None:
        lines.append(f"| {title} | " + " | ".join(cells) + " |")

    for stage in STAGES:
        medians = [statistics.median(times[stage] for times in spent[name]) for name in names]
        add(stage, [f"{value:.2f}" for value in medians])
    medians = [statistics.median(totals[name]) for name in names]
    add("all", [f"{value:.2f}" for value in medians])
    decoding = [
        statistics.median(
            times["decode"] / total for times, total in zip(spent[name], totals[name], strict=True)
        )
        for name in names
    ]
    add("share of decode", [f"{share:.0%}" for share in decoding])
    add("images per second", [f"{1e3 / value:.0f}" for value in medians])
    for base in names[:2]:
        ratios = [
            statistics.median(a / b for a, b in zip(totals[base], totals[name], strict=True))
            for name in names
        ]
        add(f"times as fast as {base}", [f"{ratio:.2f}" for ratio in ratios])
    return lines


def main() -> None:
    """Time, print, and write the table if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE in the layout of the configs")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--images", type=int, default=400, help="the first so many of the set")
    parser.add_argument("--cache", type=Path, help="folder of the cache; a temporary one if absent")
    parser.add_argument("--out", type=Path, help="also write the table here, as Markdown")
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)

    with TemporaryDirectory() as scratch:
        ways = build_ways(args.data_root, args.cache or Path(scratch))
        spent = rounds(ways, args.images, args.seconds)
    versions = f"OpenCV {cv2.__version__}, torch {torch.__version__}, one thread"
    heading = f"{versions}, {len(spent['ours'])} rounds of {BATCH_SIZE} images"
    lines = [heading, "", *table(spent)]
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
