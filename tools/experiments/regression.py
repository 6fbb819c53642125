"""A laboratory of box losses: boxes moved by gradient descent on the loss alone, without a network.

python tools/experiments/regression.py [--cases 100000] [--steps 200] [--out work_dirs/regression]

The setup follows the simulation of Zheng et al., "Distance-IoU Loss" (AAAI 2020). Targets of
32 x 32 pixels in area have 7 aspect ratios from 1:4 to 4:1. Priors of 7 scales (half to twice the
area) and the same ratios lie around them, up to 3 target sizes away, equally many on every area.
What moves is the prior's encoded deltas (dx, dy, dw, dh), as in a head, each down the gradient of
its own loss; smooth L1 and L1 compare deltas, without normalisation. The last fifth of the steps is
a tenth as long.

A step is worth something else in each loss. So each gets its own step size: that of the grid 0.001,
0.00316, ... 100 with the highest mean IoU at the end, on cases (--search-cases) that are not among
those reported. A star marks a best step at an end of the grid.

Reported, of all cases and by the start's distance, IoU, scale and aspect: mean IoU at the end,
share above 0.9, and share stuck: an IoU below 0.5 that grew by less than 0.01 in the second half of
the steps. Into --out go regression.csv, regression_curves.csv, and three figures: curves, the
start's groups, and a map of where around the target boxes come home from. --page writes the table
and the groups' figure into that page.
"""

import argparse
import csv
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch
from descent import Cases, Outcome, descend, interval, make_cases
from regression_figures import draw_curves, draw_groups, draw_map
from torch import Tensor
from tqdm import tqdm

from mmeiou.whole_files import replacing

TOOLS = Path(__file__).resolve().parents[1]
sys.path += [str(TOOLS), str(TOOLS / "benchmark")]
from box_losses import CONTENDERS  # noqa: E402 - in another folder, as the others
from losses import contenders, median_seconds  # noqa: E402
from markdown_sections import replace_section  # noqa: E402

GRID = [10 ** (exponent / 2) for exponent in range(-6, 5)]
CHUNK = 16_384  # cases whose tensors fit into a processor's cache
SEARCH_SEED = 2**31  # far from the chunks' seeds, which count up from --seed; torch takes 32 bits
STUCK_BELOW, STUCK_GAIN, GOOD = 0.5, 0.01, 0.9
COST_BOXES = 4096


class Task(NamedTuple):
    """A chunk of cases for a loss."""

    name: str
    step: float
    seed: int
    size: int
    steps: int


class Result(NamedTuple):
    """All cases of a loss at its best step."""

    step: float
    curve: Tensor
    half: Tensor
    final: Tensor

    @property
    def stuck(self) -> Tensor:
        """``(n,)`` whether a box is far from home and no longer gets nearer."""
        return (self.final < STUCK_BELOW) & (self.final - self.half < STUCK_GAIN)


def work(task: Task) -> Outcome:
    """One chunk, of one thread."""
    torch.set_num_threads(1)
    cases = make_cases(task.size, task.seed)
    return descend(CONTENDERS[task.name], cases, task.step, task.steps)


def run(tasks: list[Task], workers: int, title: str) -> Iterator[tuple[Task, Outcome]]:
    """Outcomes of the tasks as they come."""
    total = sum(task.size for task in tasks)
    with tqdm(total=total, desc=title, unit="case", unit_scale=True) as bar:
        for task, outcome in _outcomes(tasks, workers):
            yield task, outcome
            bar.update(task.size)


def _outcomes(tasks: list[Task], workers: int) -> Iterator[tuple[Task, Outcome]]:
    if workers <= 1:
        yield from ((task, work(task)) for task in tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(work, task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], future.result()


def best_steps(
    names: Iterable[str], count: int, steps: int, seed: int, workers: int
) -> dict[str, float]:
    """Of the grid, the step size of each loss with the highest mean IoU at the end."""
    tasks = [Task(name, step, SEARCH_SEED + seed, count, steps) for name in names for step in GRID]
    found: dict[str, dict[float, float]] = {}
    for task, outcome in run(tasks, workers, "step sizes"):
        found.setdefault(task.name, {})[task.step] = float(outcome.final.mean())
    return {name: max(GRID, key=found[name].__getitem__) for name in names}


def chunks(count: int, seed: int) -> list[tuple[int, int]]:
    """Seed and size of each chunk of the reported cases."""
    return [
        (seed + index, min(CHUNK, count - start))
        for index, start in enumerate(range(0, count, CHUNK))
    ]


def descents(
    step_of: dict[str, float], count: int, steps: int, seed: int, workers: int
) -> dict[str, Result]:
    """All reported cases of each loss, in the order of :func:`all_cases`."""
    tasks = [
        Task(name, step, chunk_seed, size, steps)
        for name, step in step_of.items()
        for chunk_seed, size in chunks(count, seed)
    ]
    outcomes = dict(run(tasks, workers, "descents"))
    results = {}
    for name, step in step_of.items():
        parts = [outcomes[task] for task in tasks if task.name == name]
        results[name] = Result(
            step,
            torch.stack([part.curve for part in parts]).sum(0) / count,
            torch.cat([part.half for part in parts]),
            torch.cat([part.final for part in parts]),
        )
    return results


def all_cases(count: int, seed: int) -> Cases:
    """The reported cases."""
    made = [make_cases(size, chunk_seed) for chunk_seed, size in chunks(count, seed)]
    return Cases(*(torch.cat(boxes) for boxes in zip(*made, strict=True)))


def groups(cases: Cases) -> dict[tuple[str, str], Tensor]:
    """What the start is looked at by: (kind, label) to a mask of the cases."""
    found = {("all", "all"): torch.ones(len(cases.priors), dtype=torch.bool)}
    distance = cases.offset.norm(dim=1)
    for low, high in ((0, 0.5), (0.5, 1), (1, 1.5), (1.5, 2), (2, 3)):
        found["distance", f"{low}-{high}"] = (distance >= low) & (distance < high)
    found["IoU", "0"] = cases.iou == 0
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 1)):
        found["IoU", f"{low}-{high}"] = (cases.iou > low) & (cases.iou <= high)
    for low, high in ((0.5, 0.7), (0.7, 1.4), (1.4, 2)):
        found["scale", f"{low}-{high}"] = (cases.scale > low - 0.01) & (cases.scale < high + 0.01)
    for low, high in ((1, 1), (1, 3), (3, 6), (6, 16)):
        label = f"{low}-{high}" if low < high else f"{low}"
        above = cases.aspect > (low + 0.01 if low < high else 0)
        found["aspect", label] = above & (cases.aspect < high + 0.01)
    return found


def summary(result: Result, mask: Tensor) -> tuple[float, float, float]:
    """Mean IoU at the end, share above 0.9, share stuck."""
    final = result.final[mask]
    good, stuck = (final > GOOD).float().mean(), result.stuck[mask].float().mean()
    return float(final.mean()), float(good), float(stuck)


def write_csv(results: dict[str, Result], cases: Cases, steps: int, out: Path) -> None:
    """Numbers of every group, and the curves."""
    with replacing(out / "regression.csv") as path, path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["loss", "step", "start_by", "start", "cases", "mean_iou", "above_0.9", "stuck"]
        )
        for name, result in results.items():
            for (kind, label), mask in groups(cases).items():
                numbers = [f"{value:.4f}" for value in summary(result, mask)]
                writer.writerow(
                    [name, f"{result.step:.3g}", kind, label, int(mask.sum()), *numbers]
                )
    with replacing(out / "regression_curves.csv") as path, path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["steps", *results])
        curves = zip(*(result.curve.tolist() for result in results.values()), strict=True)
        for index, row in enumerate(curves):
            writer.writerow([index * interval(steps), *(f"{value:.4f}" for value in row)])


def table(results: dict[str, Result], costs: dict[str, float]) -> str:
    """Markdown table, a loss a row."""
    lines = [
        "| loss | in a config | from | needs | cost | step | IoU at the end | above 0.9 | stuck |",
        "|---|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, result in results.items():
        contender = CONTENDERS[name]
        mean, good, stuck = summary(result, torch.ones_like(result.final, dtype=torch.bool))
        star = "*" if result.step in {GRID[0], GRID[-1]} else ""
        lines.append(
            f"| {name} | `{contender.written}` | {contender.source} | {contender.needs} | "
            f"{costs[name] / costs['GIoU']:.2f} | {result.step:.3g}{star} | {mean:.3f} | "
            f"{good:.1%} | {stuck:.1%} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Search step sizes, descend, write numbers and figures, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000, help="reported, of each loss")
    parser.add_argument("--search-cases", type=int, default=5000, help="of each step size")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--losses", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--cost-seconds", type=float, default=20, help="for the column of costs")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/regression"))
    parser.add_argument("--page", type=Path, help="a page with a section 'laboratory'")
    args = parser.parse_args()
    torch.set_num_threads(1)

    step_of = best_steps(args.losses, args.search_cases, args.steps, args.seed, args.workers)
    results = descents(step_of, args.cases, args.steps, args.seed, args.workers)
    cases = all_cases(args.cases, args.seed)
    write_csv(results, cases, args.steps, args.out)
    draw_curves({n: r.curve for n, r in results.items()}, interval(args.steps), args.out)
    finals = {name: result.final for name, result in results.items()}
    draw_groups(finals, groups(cases), args.out)
    draw_map(finals, cases.offset, args.out)
    timed = {name: loss for name, loss in contenders().items() if name in {"GIoU", *results}}
    text = table(results, median_seconds(timed, COST_BOXES, args.cost_seconds))
    print(text)
    if args.page:
        _write_page(args.page, text, args)


def _write_page(page: Path, text: str, args: argparse.Namespace) -> None:
    figure = page.parent / "images" / "regression_groups.png"
    with replacing(figure) as path:
        path.write_bytes((args.out / figure.name).read_bytes())
    content = (
        f"\n{text}\n*{args.cases:,} cases of each loss, {args.steps} steps; cost: forward and "
        f"backward pass on {COST_BOXES} boxes, in those of GIoU, of one thread.*\n\n"
        f"![Mean IoU at the end, by how a box starts](images/{figure.name})\n\n"
    )
    new = replace_section(page.read_text(), "laboratory", content, page)
    with replacing(page) as path:
        path.write_text(new)


if __name__ == "__main__":
    main()
