"""The long form of the trials of faults; writes the table of docs/reliability.md.

What was tried is kept in a file and not tried again: delete it to begin anew. The trials are added
up in docs/results/reliability.csv, of which the table is made: after a change, delete lines there.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

REPO = Path(__file__).resolve().parents[2]
sys.path += [str(REPO / "tests"), str(REPO / "tools")]
from environment.versions import family_of, installed_distributions  # noqa: E402 - found by then
from reliability import results  # noqa: E402


class Kind(NamedTuple):
    """A kind of fault.

    Attributes:
        function: ``module.try_it``, called with a seed and a folder.
        times: Number of seeds.
    """

    function: str
    times: int


KINDS = {
    "training killed at random moments and file events": Kind("kills.try_kill", 100),
    "training told to stop": Kind("signals.try_signal", 20),
    "one of two processes killed or stopped": Kind("lost_processes.try_lost_process", 100),
    "NaN in a loss or gradient": Kind("nan_trials.try_nan", 50),
    "code in a checkpoint, pickle or model": Kind("payloads.try_payload", 200),
    "damaged checkpoint": Kind("damage.try_damaged_checkpoint", 1000),
    "`mim train` killed": Kind("mim_trials.try_killed", 20),
    "`mim train` or its training told to stop": Kind("mim_trials.try_told", 20),
    "`mim train` with NaN in a loss": Kind("mim_trials.try_nan", 20),
    "`python tools/train.py` killed, told to stop, with NaN": Kind("mim_trials.try_tool", 21),
}
LABELS, NUM_LABELS = "damaged labels, detections and pictures", 10_000


def main() -> None:
    """Try what was not tried, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="kinds whose name has the word")
    parser.add_argument("--times", type=int, help="of each kind, in place of its own number")
    parser.add_argument("--tried", type=Path, default=REPO / "work_dirs/reliability.jsonl")
    parser.add_argument("--results", type=Path, default=results.RESULTS)
    parser.add_argument("--page", type=Path, default=results.PAGE)
    args = parser.parse_args()
    args.tried.parent.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in [*KINDS, LABELS] if _asked_for(name, args.only)]
    for name in wanted:
        times = args.times or (NUM_LABELS if name == LABELS else KINDS[name].times)
        _try_all(name, times, args.tried, args.results)
        rows = results.read(args.results)
        results.write(args.page, results.table(rows, [*KINDS, LABELS]))
    if any(row["tried"] > row["survived"] for row in results.read(args.results)):
        raise SystemExit("not all survived")


def _asked_for(name: str, words: list[str] | None) -> bool:
    return words is None or any(word in name for word in words)


def _try_all(name: str, times: int, tried: Path, counts: Path) -> None:
    family = family_of(installed_distributions())
    if family not in results.FAMILIES:
        raise SystemExit(f"no MMDetection, or two: {family}; what is here: tools/check_env.py")
    done = {
        trial["seed"]
        for trial in _trials(tried)
        if trial["kind"] == name and trial.get("family", "onedl") == family
    }
    with tried.open("a") as lines, TemporaryDirectory() as folder:

        def note(seed: int, number: int, survived: int, what: str) -> None:
            row = {"kind": name, "family": family, "seed": seed}
            row |= {"tried": number, "survived": survived, "what": what}
            lines.write(json.dumps(row) + "\n")
            lines.flush()
            results.add([row], counts)
            print(f"{name} {seed}: {what}", file=sys.stderr)  # noqa: T201

        if name == LABELS:
            if 0 not in done:
                note(0, times, *_damage_labels(times))
            return
        kind = KINDS[name]
        function = _function(kind.function)
        for seed in sorted({*range(times)} - done):
            place = Path(folder, f"{name.rsplit(maxsplit=1)[-1]}_{seed}")
            place.mkdir()
            sys.path.insert(0, str(place))  # payloads that import
            outcome = function(seed, place)
            sys.path.remove(str(place))
            note(seed, 1, int(outcome.survived), outcome.what)


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(".")
    return getattr(__import__(f"reliability.{module}", fromlist=[function]), function)


def _damage_labels(times: int) -> tuple[int, str]:
    """All or none: one that is neither read nor refused fails the test that it is in."""
    test = REPO / "tests/labels/test_mutations.py"
    command = [sys.executable, "-m", "pytest", "-q", str(test)]
    done = subprocess.run(
        command, env={**os.environ, "MMEIOU_FUZZ": str(times)}, stdout=subprocess.PIPE, text=True,
        cwd=REPO, check=False,
    )  # fmt: skip
    if done.returncode:
        return 0, done.stdout.strip().splitlines()[-1]
    return times, "read, or refused by an error that names the file"


def _trials(tried: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in tried.read_text().splitlines()] if tried.exists() else []


if __name__ == "__main__":
    # Trials fork and train by the hundred; one thread each, and no log of every checkpoint.
    os.environ["OMP_NUM_THREADS"] = "1"
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    main()
