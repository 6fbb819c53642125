"""Operations and memory of one training iteration, counted; the GPU that it takes, computed.

    python tools/benchmark/iteration_cost.py

Runs each config of :data:`RECIPES` for one iteration on the CPU at its full size and writes
docs/results/iteration_cost.csv and the table of docs/reproduction.md. Operations are three times
those that PyTorch's counter sees in the forward pass, two for a multiplication and addition: the
backward pass takes twice as many (counted, it would take depthwise convolutions for dense ones).
Memory is what the forward pass keeps for the backward pass, in float32, and three times the weights
(themselves, gradients, momentum): at least so much is needed; workspaces and fragments come on top.
"""

import argparse
import csv
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
from detector_cost import build, random_batch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from mmeiou.whole_files import replacing

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
from markdown_sections import replace_section  # noqa: E402 - in the folder above

PAGE = ROOT / "docs/reproduction.md"
TABLE = ROOT / "docs/results/iteration_cost.csv"
SUSTAINED = 10e12  # operations a second; the page says so


class Recipe(NamedTuple):
    """What a process trains on.

    Attributes:
        config: Path in configs/.
        size: Width and height that the usual image has after resizing and padding, pixels.
        batch: Images of an iteration.
        iterations: Of a whole training with the number of processes that the config's name has.
    """

    config: str
    size: tuple[int, int]
    batch: int
    iterations: int


_LADDER = "faster_rcnn/faster-rcnn_r50_fpn_{}_8xb2-1x_{}.py"
RECIPES = (
    *(
        Recipe(_LADDER.format(rung, data), size, 2, epochs * images // 16)
        for data, size, epochs, images in (
            ("voc07", (800, 608), 12, 5011),
            ("voc0712", (800, 608), 12, 16551),
            ("coco", (1216, 800), 12, 117266),
        )
        for rung in ("smooth-l1", "eiou-sot-iou")
    ),
    Recipe("yunet/yunet-n_2xb16-640e_widerface.py", (640, 640), 16, 640 * 12880 // 32),
    Recipe("yunet/yunet-s_2xb16-640e_widerface.py", (640, 640), 16, 640 * 12880 // 32),
)
Row = dict[str, Any]


def measured(recipe: Recipe) -> Row:
    """Count an iteration."""
    model = build(ROOT / "configs" / recipe.config, "cpu").train()
    data = random_batch(recipe.size, recipe.batch)
    for sample in data["data_samples"]:
        truth = sample.gt_instances
        points = torch.cat([truth.bboxes[:, :2], torch.ones(len(truth), 1)], dim=1)  # visible
        number = getattr(getattr(model, "bbox_head", None), "num_keypoints", 0)
        truth.keypoints = points[:, None].expand(-1, number, -1)
    data = model.data_preprocessor(data, training=True)
    kept: dict[int, int] = {}
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    torch.manual_seed(0)
    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(pack, unpack):
        model(**data, mode="loss")
    weights = sum(p.numel() for p in model.parameters())
    return {
        "config": recipe.config,
        "width": recipe.size[0],
        "height": recipe.size[1],
        "images": recipe.batch,
        "iterations": recipe.iterations,
        "weights": weights,
        "operations": 3 * counter.get_total_flops(),
        "kept_bytes": sum(kept.values()),
    }


def table(rows: list[Row]) -> str:
    """The counts and what follows from them, as Markdown."""
    lines = [
        "| config | images a GPU | operations | memory, GiB | s/iteration | iterations | hours |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        operations = float(row["operations"])
        seconds, iterations = operations / SUSTAINED, int(row["iterations"])
        memory = (float(row["kept_bytes"]) + 12 * float(row["weights"])) / 2**30
        lines.append(
            f"| {Path(row['config']).stem} | {row['images']} of {row['width']} x {row['height']} "
            f"| {operations / 1e9:.0f} G | {memory:.1f} | {seconds:.3f} | {iterations:,} "
            f"| {seconds * iterations / 3600:.1f} |"
        )
    return "\n".join(lines) + "\n"


def read() -> list[Row]:
    """What was counted."""
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Count, and write both files."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    rows = []
    for recipe in RECIPES:
        rows.append(measured(recipe))
        print(rows[-1], flush=True)
    with replacing(TABLE) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    page = replace_section(PAGE.read_text(), "iteration-cost", f"\n{table(read())}\n", PAGE)
    with replacing(PAGE) as temporary:
        temporary.write_text(page)


if __name__ == "__main__":
    main()
