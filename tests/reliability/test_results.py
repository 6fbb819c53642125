"""The page shows what was tried, and trials are added up as they come."""

import csv
from pathlib import Path

from reliability import long, results

KINDS = [*long.KINDS, long.LABELS]


def trial(kind: str, family: str, what: str, survived: int = 1) -> results.Row:
    row = {"kind": kind, "family": family, "what": what}
    return row | {"tried": 1, "survived": survived}


def test_the_page_shows_the_results(tmp_path: Path) -> None:
    copy = tmp_path / "page.md"
    copy.write_text(results.PAGE.read_text())
    rows = results.read(results.RESULTS)
    results.write(copy, results.table(rows, KINDS))
    assert copy.read_text() == results.PAGE.read_text()
    assert {row["kind"] for row in rows} <= set(KINDS)
    assert {row["family"] for row in rows} == set(results.FAMILIES)


def test_trials_are_added_up(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    results.add([trial("b", "onedl", "seed 3: refused"), trial("a", "onedl", "hung", 0)], path)
    results.add([trial("b", "onedl", "seed 4: refused"), trial("b", "openmmlab", "read")], path)
    with path.open() as file:
        assert list(csv.reader(file))[1:] == [
            ["b", "onedl", "refused", "2", "2"],
            ["a", "onedl", "hung", "1", "0"],
            ["b", "openmmlab", "read", "1", "1"],
        ]
    assert results.table(results.read(path), ["a", "b", "never tried"]).splitlines()[2:] == [
        "| a | 0 of 1 |  | hung (1) |",
        "| b | 2 of 2 | 1 of 1 | refused (2); read (1) |",
    ]


def test_what_happens_seldom_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    results.add([trial("a", "onedl", what) for what in "vwxyz" for _ in range(2)], path)
    (line,) = results.table(results.read(path), ["a"]).splitlines()[2:]
    assert line == "| a | 10 of 10 |  | v (2); w (2); x (2); others (4) |"
