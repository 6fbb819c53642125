"""How often each fault was tried, and what came of it: a CSV, and the page's table made of it."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmeiou.whole_files import replacing

REPO = Path(__file__).resolve().parents[2]
RESULTS = REPO / "docs/results/reliability.csv"
PAGE = REPO / "docs/reliability.md"
START, END = "<!-- trials -->\n", "<!-- end of trials -->\n"
FAMILIES = ("onedl", "openmmlab")
_KEY = ("kind", "family", "what")
_COUNTS = ("tried", "survived")

Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    """Rows of kind, family and what happened, with the numbers tried and survived."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row | {key: int(row[key]) for key in _COUNTS} for row in csv.DictReader(file)]


def add(trials: Iterable[Row], path: Path) -> None:
    """Add trials to the rows of a file; it is made.

    What differs from seed to seed, as the moments of kills, stands before the last colon of what
    happened, and is left out.
    """
    rows = {tuple(row[key] for key in _KEY): row for row in read(path)}
    for trial in trials:
        what = trial["what"].rpartition(": ")[2]
        row = {**{key: trial[key] for key in _KEY}, "what": what, **dict.fromkeys(_COUNTS, 0)}
        row = rows.setdefault(tuple(row[key] for key in _KEY), row)
        for key in _COUNTS:
            row[key] += trial[key]
    with replacing(path) as unfinished, unfinished.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*_KEY, *_COUNTS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())


def table(rows: list[Row], kinds: Iterable[str]) -> str:
    """In Markdown: of each kind, how many of those tried survived, on either family."""
    head = [f"survived on {family}, of tried" for family in FAMILIES]
    lines = [f"| fault | {' | '.join(head)} | what happened |", "|---" * (len(FAMILIES) + 2) + "|"]
    for kind in kinds:
        if found := [row for row in rows if row["kind"] == kind]:
            cells = [_share([row for row in found if row["family"] == one]) for one in FAMILIES]
            lines.append(f"| {kind} | {' | '.join(cells)} | {_summary(found)} |")
    return "\n".join(lines) + "\n"


def write(page: Path, text: str) -> None:
    """Put the table between the marks of the page."""
    old = page.read_text()
    before, after = old.partition(START)[0], old.partition(END)[2]
    page.write_text(f"{before}{START}\n{text}\n{END}{after}")


def _share(rows: list[Row]) -> str:
    survived, tried = (sum(row[key] for row in rows) for key in ("survived", "tried"))
    return f"{survived:,} of {tried:,}" if tried else ""


def _summary(rows: list[Row], most: int = 3) -> str:
    """What happened on either family, the most frequent first."""
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row["what"].replace("|", "/")] += row["tried"]
    parts = [f"{what} ({number:,})" for what, number in counted.most_common(most)]
    left = sum(counted.values()) - sum(number for _, number in counted.most_common(most))
    return "; ".join(parts + ([f"others ({left:,})"] if left else []))
