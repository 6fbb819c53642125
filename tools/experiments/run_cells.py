"""Many runs of one script, each in a process of its own, some at a time, all in one table.

A run that has left its ``run.json`` is not run again, so that whoever was cut off starts anew and
goes on. The table is made of these files, whoever was killed before it was written.
"""

import csv
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

from mmeiou.whole_files import replacing

DONE, TABLE = "run.json", "runs.csv"
Row = dict[str, Any]


def run_missing(
    commands: Mapping[str, Sequence[str]],
    out: Path,
    jobs: int,
    seconds: float | None,
    said: Callable[[Row], str],
    leaves: Sequence[str] = (DONE,),
) -> list[str]:
    """Run what is not done.

    Args:
        commands: Of each run, by the name of its folder in ``out``; it leaves there ``run.json``,
            a flat object, which becomes a row of ``out/runs.csv``.
        out: Folder of all.
        jobs: Runs at a time.
        seconds: No run starts that would end later, by the median of those before; None for all.
        said: What to print of the object in the first of the files that a run leaves.
        leaves: Files without which a run is not done.

    Returns:
        A sentence for each run that failed or was left out.
    """
    out.mkdir(parents=True, exist_ok=True)
    missing = [key for key in commands if not all((out / key / name).exists() for name in leaves)]
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
            collect(out)
            row = json.loads((folder / leaves[0]).read_text())
            print(f"{key}: {said(row)}, {taken[-1]:.0f} s", flush=True)
        return None

    collect(out)
    with ThreadPoolExecutor(jobs) as pool:
        return [problem for problem in pool.map(work, missing) if problem]


def collect(out: Path) -> list[dict[str, str]]:
    """Write ``out/runs.csv`` of all runs that are done, and return its rows."""
    rows = [json.loads(file.read_text()) for file in sorted(out.glob(f"*/{DONE}"))]
    if not rows:
        return []
    write_rows(rows, out / TABLE)
    return read_rows(out / TABLE)


def read_rows(table: Path) -> list[dict[str, str]]:
    """The lines of a table."""
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def append_row(row: Row, table: Path) -> None:
    """Add a line to a table."""
    write_rows([*(read_rows(table) if table.exists() else []), row], table)


def write_rows(rows: Sequence[Mapping[str, Any]], table: Path) -> None:
    """Write a table; what one row has and another has not stays empty there."""
    columns = dict.fromkeys(name for row in rows for name in row)
    with replacing(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns))
        writer.writeheader()
        writer.writerows(rows)


def finish(problems: Sequence[str]) -> None:
    """Exit with 1 and the problems, if there are any."""
    if problems:
        sys.exit("\n".join(problems))
