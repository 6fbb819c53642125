"""What finished trainings left in their work folders."""

import ast
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from mmeiou.visualization.curves import read_curves, read_scalars


@dataclass(frozen=True)
class FinishedRun:
    """A training that was validated.

    Attributes:
        folder: Its work folder.
        config: Name of its config, without ``.py``.
        seed: As the config says; None where MMEngine drew one.
        metrics: Of the last validation, by the names of the metrics.
        seconds: Of an iteration, the median.
        memory: MiB that an iteration had allocated on the GPU at most; None on a CPU.
    """

    folder: Path
    config: str
    seed: int | None
    metrics: dict[str, float]
    seconds: float
    memory: float | None


def read_run(folder: Path) -> FinishedRun:
    """Read a work folder.

    Configs are programs: the one in it is not run, but searched for its seed.

    Raises:
        FileNotFoundError: It is no work folder of a training.
        ValueError: Its log cannot be read, or there is no validation in it.
    """
    configs = sorted(folder.glob("*.py"))
    if len(configs) != 1:
        raise FileNotFoundError(
            f"{folder}: no work folder of one training: it has {len(configs)} configs beside the "
            "folder of the log, and should have 1"
        )
    metrics = {name: points[-1][1] for name, points in read_curves(folder, "").metrics.items()}
    if not metrics:
        raise ValueError(f"{folder}: no validation in its log; did training finish?")
    steps = [line for line in read_scalars(folder) if "loss" in line]
    memory = [line["memory"] for line in steps if "memory" in line]
    return FinishedRun(
        folder,
        configs[0].stem,
        _seed(configs[0]),
        metrics,
        median(line["time"] for line in steps),
        max(memory) if memory else None,
    )


def _seed(config: Path) -> int | None:
    for statement in ast.parse(config.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and _name(statement.targets[0]) == "randomness":
            for option in getattr(statement.value, "keywords", []):
                if option.arg == "seed":
                    seed: Any = ast.literal_eval(option.value)
                    return None if seed is None else int(seed)
    return None


def _name(target: ast.expr) -> str:
    return target.id if isinstance(target, ast.Name) else ""
