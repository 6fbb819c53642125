"""A model of the training step on many processes: measured parts, a prediction, and its test.

python tools/benchmark/scale_model.py DATA_ROOT --gpu-speed 933 --gpu-batch 64

Measured here, YuNet_n: what a batch costs a worker (from files and from one LMDB) and the process
that trains (which takes it from a worker), a step alone and beside another, and the exchange of all
gradients alone. The model of a step of n processes of one thread on c cores,

    t(n) = max(1, n / c) s(min(n, c)) + a(n)

with s(k) a step of one of k processes that do not know of each other, loading included, and a(n)
the exchange, is held against steps of n processes. For GPUs s is the step that gpu.py measured, and
a(n) that of a ring, 2 (n - 1) (latency + bytes / (n bandwidth)), of stated links: computed.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from itertools import chain, repeat
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import distributed
from torch.utils.data import DataLoader
from tqdm import tqdm
from training import CONFIG, REPO, WARM_UP, in_process

sys.path.append(str(REPO / "tools/dataset_converters"))
from images_to_lmdb import keys_of, write  # in another folder

PROCESSES = (1, 2, 4)
BATCH = 8
BATCHES = (16, 64)
MEASURED = 5  # batches
EXCHANGES = 100
READ = 200  # images
EPOCH = 12880  # training images of WIDER FACE


class Link(NamedTuple):
    """What gradients cross between GPUs."""

    name: str
    gpus: int
    latency: float
    """Seconds of a hop."""
    bandwidth: float
    """Bytes per second."""


# Orders of magnitude of NVLink and of a 100 gigabit network, on the slow side.
LINKS = (Link("one machine", 8, 1e-5, 1e11), Link("8 machines", 64, 3e-5, 1e10))


def shipped_config() -> Any:
    """What is trained. Imported here: the processes of the exchange need none of it."""
    import mmeiou.models  # noqa: F401, PLC0415 # isort: skip - before MMDetection
    from mmengine.config import Config  # noqa: PLC0415
    from mmengine.registry import init_default_scope  # noqa: PLC0415

    init_default_scope("mmdet")
    return Config.fromfile(REPO / CONFIG)


def dataset(data_root: Path, lmdb: Path | None = None) -> Any:
    """Training faces of the shipped config, from files or from an LMDB."""
    from mmengine.registry import DATASETS  # noqa: PLC0415

    cfg = shipped_config().train_dataloader.dataset
    cfg.data_root = str(data_root)
    if lmdb is not None:
        backend = {"backend": "lmdb", "db_path": str(lmdb), "subdir": False}
        cfg.backend_args = cfg.pipeline[0].backend_args = backend
    return DATASETS.build(cfg)


def worker_cost(faces: Any) -> float:
    """Seconds of an image, in one thread."""
    torch.set_num_threads(1)
    start = time.process_time()
    for index in range(min(len(faces), READ)):
        faces[index]
    return (time.process_time() - start) / min(len(faces), READ)


def receiving_cost(faces: Any, size: int, collate: Any) -> float:
    """Seconds of the process that trains for taking a batch that is there."""
    endless = chain.from_iterable(repeat(range(len(faces))))
    loader: DataLoader[Any] = DataLoader(
        faces, batch_sampler=_batches(endless, size), num_workers=1, collate_fn=collate
    )
    taken = []
    batches = iter(loader)
    begin = time.perf_counter()
    next(batches)
    made = time.perf_counter() - begin
    for _ in range(MEASURED):
        time.sleep(2 * made)  # until the worker has one
        start = time.process_time()
        next(batches)
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def _batches(indices: Iterator[int], size: int) -> Any:
    ahead = 3  # the first, and what the worker has ready when the last is taken
    return ([next(indices) for _ in range(size)] for _ in range(MEASURED + ahead))


def _exchange(rank: int, processes: int, meeting: str, numbers: int, said: Any) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=processes)
    gradients = torch.ones(numbers)
    distributed.all_reduce(gradients)
    start = time.perf_counter()
    for _ in range(EXCHANGES):
        distributed.all_reduce(gradients)
    if rank == 0:
        said.put((time.perf_counter() - start) / EXCHANGES)
    distributed.destroy_process_group()


def exchange_cost(processes: int, numbers: int) -> float:
    """Seconds in which gloo sums the gradients of so many processes."""
    if processes == 1:
        return 0.0
    context = get_context("spawn")
    said: Any = context.SimpleQueue()
    with TemporaryDirectory() as folder:
        arguments = (processes, f"{folder}/meeting", numbers, said)
        ranks = [context.Process(target=_exchange, args=(r, *arguments)) for r in range(processes)]
        for rank in ranks:
            rank.start()
        for rank in ranks:
            rank.join()
            if rank.exitcode:
                raise SystemExit(f"a process of the exchange ended with {rank.exitcode}")
    return float(said.get())


def step_cost(data_root: Path, steps: int, *, together: int = 1, apart: int = 1) -> float:
    """Median seconds of a step of ``together`` processes, or of one of ``apart`` lone ones."""
    arguments = [str(data_root), "--batch-size", str(BATCH), "--threads", "1", "--workers", "0"]
    arguments += ["--steps", str(steps)]

    def one(_: int) -> list[float]:
        return in_process("shipped", arguments, together).seconds[WARM_UP:]

    with ThreadPoolExecutor(apart) as pool:
        return statistics.median(chain.from_iterable(pool.map(one, range(apart))))


def parameters() -> int:
    """Numbers that are exchanged."""
    from mmengine.registry import MODELS  # noqa: PLC0415

    model = MODELS.build(shipped_config().model)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def ring(link: Link, numbers: int) -> float:
    """Seconds of the exchange among GPUs."""
    return 2 * (link.gpus - 1) * (link.latency + 4 * numbers / link.gpus / link.bandwidth)


def loader_tables(data_root: Path) -> list[str]:
    """What a batch costs, as Markdown."""
    from mmengine.dataset import pseudo_collate  # noqa: PLC0415

    from mmeiou.datasets import compact_collate  # noqa: PLC0415

    with TemporaryDirectory() as folder:
        lmdb = Path(folder, "train.lmdb")
        with redirect_stdout(sys.stderr):
            write(keys_of(data_root / "WIDER_train/images"), lmdb)
        files = dataset(data_root)
        costs = {"files": worker_cost(files), "LMDB": worker_cost(dataset(data_root, lmdb))}
    lines = ["| a worker reads | ms / image |", "|---|---:|"]
    lines += [f"| {name} | {1e3 * cost:.1f} |" for name, cost in costs.items()]
    lines += [
        "",
        "| a batch is taken from a worker, ms | 16 images | 64 images |",
        "|---|---:|---:|",
    ]
    for collate in (pseudo_collate, compact_collate):
        cells = [f"{1e3 * receiving_cost(files, size, collate):.1f}" for size in BATCHES]
        lines.append(f"| {collate.__name__} | {' | '.join(cells)} |")
    return lines


def process_table(data_root: Path, steps: int, numbers: int) -> list[str]:
    """Prediction and measurement of a step, as Markdown."""
    cores = os.cpu_count() or 1
    alone = {k: step_cost(data_root, steps, apart=k) for k in {min(n, cores) for n in PROCESSES}}
    lines = [
        f"{numbers:,} numbers are exchanged.\n",
        "| processes | exchange, ms | step predicted, s | measured, s | images / s |",
        "|---:|---:|---:|---:|---:|",
    ]
    for n in tqdm(PROCESSES, desc="processes"):
        exchange = exchange_cost(n, numbers)
        predicted = max(1, n / cores) * alone[min(n, cores)] + exchange
        measured = step_cost(data_root, steps, together=n)
        lines.append(
            f"| {n} | {1e3 * exchange:.1f} | {predicted:.2f} | {measured:.2f} "
            f"| {n * BATCH / measured:.1f} |"
        )
    return lines


def gpu_table(images_per_second: float, size: int, worker: float, numbers: int) -> list[str]:
    """What many GPUs would do, as Markdown."""
    lines = [
        "| GPUs | exchange, ms | of a step | images / s | cores that load | steps an epoch |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    step = size / images_per_second
    for link in (Link("alone", 1, 0, 1), *LINKS):
        exchange = ring(link, numbers)
        speed = link.gpus * size / (step + exchange)
        lines.append(
            f"| {link.gpus} | {1e3 * exchange:.2f} | {exchange / (step + exchange):.1%} "
            f"| {speed:,.0f} | {speed * worker:.0f} | {EPOCH / size / link.gpus:.0f} |"
        )
    return lines


def main() -> None:
    """Measure, predict, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_root", type=Path, help="WIDER FACE, or a part of it")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--gpu-speed", type=float, required=True, help="images / s, of gpu.py")
    parser.add_argument("--gpu-batch", type=int, required=True, help="with so many images")
    args = parser.parse_args()
    numbers = parameters()
    print(*loader_tables(args.data_root), "", sep="\n")
    print(*process_table(args.data_root, args.steps, numbers), "", sep="\n")
    worker = worker_cost(dataset(args.data_root))
    print(*gpu_table(args.gpu_speed, args.gpu_batch, worker, numbers), sep="\n")


if __name__ == "__main__":
    main()
