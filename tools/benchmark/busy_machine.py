"""How OpenMP's threads should wait, on a quiet machine and beside as many busy processes as cores.

    python tools/benchmark/busy_machine.py [--rounds 5] [--spin 100 1000 10000]

Detection (one image) and training (a step of 16 images of 640 pixels, and a small one, of 4 of
320) of YuNet-n, each in a process of its own for each setting, in turn, again and again; medians
over the rounds. GNU's OpenMP waits actively for 300,000 rounds unless told otherwise. The fair
share beside n busy processes on n cores is half the machine: twice the time that the best setting
takes when it is quiet.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs/yunet/yunet-n_2xb16-640e_widerface.py"
GNU = {"GOMP_SPINCOUNT": "300000"}
TRAINING = {"training": (16, 640), "small training": (4, 320)}  # images, pixels
WORK = ("detection", *TRAINING)


def settings(spins: list[int]) -> dict[str, dict[str, str]]:
    """Variables of each setting, by its name."""
    return {
        "GNU's own": GNU,
        "passive": {"OMP_WAIT_POLICY": "passive"},
        **{f"spin {spin}": {"GOMP_SPINCOUNT": str(spin)} for spin in spins},
        "one thread": {**GNU, "OMP_NUM_THREADS": "1"},
    }


def step_of(work: str) -> Callable[[], object]:
    """What is timed."""
    import torch  # noqa: PLC0415 - after OpenMP's variables are set
    from detector_cost import build, random_batch  # noqa: PLC0415

    model = build(CONFIG, "cpu")
    if work == "detection":
        image = torch.rand(1, 3, 768, 1024)
        model.eval()

        def detect() -> object:
            with torch.no_grad():
                return model(image)

        return detect
    from mmeiou.engine.reuse_memory_hook import reuse_memory  # noqa: PLC0415

    reuse_memory()
    number, side = TRAINING[work]
    data = random_batch((side, side), number)
    for sample in data["data_samples"]:
        truth = sample.gt_instances
        points = torch.cat([truth.bboxes[:, :2], torch.ones(len(truth), 1)], dim=1)
        truth.keypoints = points[:, None].expand(-1, 5, -1)
    model.train()
    batch = model.data_preprocessor(data, training=True)

    def train() -> object:
        losses, _ = model.parse_losses(model(**batch, mode="loss"))
        return losses.backward()

    return train


def measure(work: str, seconds: float) -> float:
    """Median seconds of a step, in this process."""
    step = step_of(work)
    for _ in range(3):
        step()
    taken, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that do nothing but compute."""
    others = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def in_a_process(work: str, variables: dict[str, str], seconds: float) -> float:
    """:func:`measure` with OpenMP's variables."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
    command = [sys.executable, __file__, "--measure", work, "--seconds", str(seconds)]
    done = subprocess.run(
        command, env=environ | variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def table(taken: dict[tuple[str, str, bool], list[float]], names: list[str]) -> str:
    """Medians, and their ratios to the best when quiet and to the fair share when busy."""
    lines = [
        "| setting | work | quiet, ms | of the best | busy, ms | of the fair share |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for work in WORK:
        quiet, loud = (
            {name: 1000 * statistics.median(taken[name, work, beside]) for name in names}
            for beside in (False, True)
        )
        best = min(quiet.values())
        lines += [
            f"| {name} | {work} | {quiet[name]:.1f} | {quiet[name] / best:.2f} | {loud[name]:.1f} "
            f"| {loud[name] / (2 * best):.2f} |"
            for name in names
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure in turn, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--spin", type=int, nargs="+", default=[100, 1000, 3000, 10000])
    parser.add_argument("--measure", choices=WORK, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(measure(args.measure, args.seconds))
        return
    ways = settings(args.spin)
    taken: dict[tuple[str, str, bool], list[float]] = {}
    for number in range(args.rounds):
        for beside in (False, True):
            with busy((os.cpu_count() or 1) if beside else 0):
                for name, variables in ways.items():
                    for work in WORK:
                        seconds = in_a_process(work, variables, args.seconds)
                        taken.setdefault((name, work, beside), []).append(seconds)
        print(f"round {number + 1} of {args.rounds}", file=sys.stderr, flush=True)
    print(table(taken, list(ways)))


if __name__ == "__main__":
    main()
