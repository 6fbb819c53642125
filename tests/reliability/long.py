"""The long form of the trials of faults; writes the table of docs/reliability.md.

What was tried is kept in a file and not tried again: delete it to begin anew, after a change.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs/reliability.md"
START, END = "<!-- trials -->\n", "<!-- end of trials -->\n"


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
}
LABELS, NUM_LABELS = "damaged labels, detections and pictures", 10_000


def main() -> None:
    """Try what was not tried, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="kinds whose name has the word")
    parser.add_argument("--times", type=int, help="of each kind, in place of its own number")
    parser.add_argument("--tried", type=Path, default=REPO / "work_dirs/reliability.jsonl")
    parser.add_argument("--page", type=Path, default=PAGE)
    args = parser.parse_args()
    args.tried.parent.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in [*KINDS, LABELS] if _asked_for(name, args.only)]
    for name in wanted:
        times = args.times or (NUM_LABELS if name == LABELS else KINDS[name].times)
        _try_all(name, times, args.tried)
        write_table(args.page, rows(args.tried))
    if any(row["tried"] > row["survived"] for row in rows(args.tried)):
        raise SystemExit("not all survived")


def _asked_for(name: str, words: list[str] | None) -> bool:
    return words is None or any(word in name for word in words)


def _try_all(name: str, times: int, tried: Path) -> None:
    done = {trial["seed"] for trial in _trials(tried) if trial["kind"] == name}
    with tried.open("a") as lines, TemporaryDirectory() as folder:

        def note(seed: int, number: int, survived: int, what: str) -> None:
            row = {"kind": name, "seed": seed, "tried": number, "survived": survived, "what": what}
            lines.write(json.dumps(row) + "\n")
            lines.flush()
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


def rows(tried: Path) -> list[dict[str, Any]]:
    """One of each kind: how often, and what happened, the most frequent first."""
    found: dict[str, dict[str, Any]] = {}
    for trial in _trials(tried):
        row = found.setdefault(
            trial["kind"], {"kind": trial["kind"], "tried": 0, "survived": 0, "what": Counter()}
        )
        row["tried"] += trial["tried"]
        row["survived"] += trial["survived"]
        row["what"][trial["what"]] += trial["tried"]
    return [found[name] for name in [*KINDS, LABELS] if name in found]


def write_table(page: Path, found: list[dict[str, Any]]) -> None:
    """Put the table between the marks of the page."""
    lines = ["| fault | times tried | survived | what happened |", "|---|---|---|---|"]
    lines += [
        f"| {row['kind']} | {row['tried']:,} | {row['survived']:,} | {_summary(row['what'])} |"
        for row in found
    ]
    text = page.read_text()
    before, after = text.partition(START)[0], text.partition(END)[2]
    page.write_text(before + START + "\n" + "\n".join(lines) + "\n\n" + END + after)


def _summary(what: Counter[str], most: int = 3) -> str:
    # What differs from seed to seed, as the moments of kills, stands before the last colon.
    short: Counter[str] = Counter()
    for text, number in what.items():
        short[text.rpartition(": ")[2].replace("|", "/")] += number
    parts = [f"{text} ({number:,})" for text, number in short.most_common(most)]
    left = sum(short.values()) - sum(number for _, number in short.most_common(most))
    return "; ".join(parts + ([f"others ({left:,})"] if left else []))


if __name__ == "__main__":
    # Trials fork and train by the hundred; one thread each, and no log of every checkpoint.
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.path.insert(0, str(REPO / "tests"))
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    main()
