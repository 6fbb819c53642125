"""Many runs of one script, each in a process of its own, some at a time, each in a table when done.

A run that has its ``run.json`` is not run again, so that whoever was cut off starts anew and goes
on.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from mini_voc07 import append_row

DONE, TABLE = "run.json", "runs.csv"


def run_missing(
    commands: Mapping[str, Sequence[str]],
    out: Path,
    jobs: int,
    seconds: float | None,
    said: Callable[[dict[str, Any]], str],
) -> list[str]:
    """Run what is not done.

    Args:
        commands: Of each run, by the name of its folder in ``out``; it leaves there ``run.json``,
            a flat object, which becomes a row of ``out/runs.csv``.
        out: Folder of all.
        jobs: Runs at a time.
        seconds: No run starts that would end later, by the median of those before; None for all.
        said: What to print of a row.

    Returns:
        A sentence for each run that failed or was left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = [key for key in commands if not (out / key / DONE).exists()]
    print(f"{len(commands)} runs, {len(commands) - len(missing)} of them done", flush=True)
    start = time.perf_counter()
    taken: list[float] = []
    lock = Lock()
    # Threads of several processes on one core wait for each other.
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}

    def work(key: str) -> str | None:
        begun = time.perf_counter()
        expected = statistics.median(taken) if taken else 0
        if seconds and begun - start + expected > seconds:
            return f"{key}: left out, no time"
        folder = out / key
        folder.mkdir(exist_ok=True)
        with (folder / "output.txt").open("w") as output:
            code = subprocess.run(
                commands[key], check=False, env=threads | os.environ, stdout=output, stderr=output
            ).returncode
        if code:
            return f"{key}: ended with {code}, see {folder / 'output.txt'}"
        with lock:
            taken.append(time.perf_counter() - begun)
            row = json.loads((folder / DONE).read_text())
            append_row(row, out / TABLE)
            print(f"{key}: {said(row)}, {taken[-1]:.0f} s", flush=True)
        return None

    with ThreadPoolExecutor(jobs) as pool:
        return [problem for problem in pool.map(work, missing) if problem]


def finish(problems: Sequence[str]) -> None:
    """Exit with 1 and the problems, if there are any."""
    if problems:
        sys.exit("\n".join(problems))
