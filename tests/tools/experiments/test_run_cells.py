"""tools/experiments/run_cells.py: runs that go on where they were cut off, and their table."""

import csv
import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Writes run.json into the folder of its first argument; the second is what it says.
RUN = "import sys, pathlib; pathlib.Path(sys.argv[1], 'run.json').write_text(sys.argv[2])"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "experiments"))
    return importlib.import_module("run_cells")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def command(folder: Path, text: str) -> list[str]:
    return [sys.executable, "-c", RUN, str(folder), text]


def said(row: dict) -> str:
    return f"AP {row['AP']}"


def test_what_is_done_is_not_run_again(tool, tmp_path, capsys) -> None:
    first = {"a": command(tmp_path / "a", '{"AP": 0.5}')}
    assert tool.run_missing(first, tmp_path, 1, None, said) == []
    assert "1 runs, 0 of them done" in (told := capsys.readouterr().out)
    assert "a: AP 0.5, " in told
    (tmp_path / tool.TABLE).unlink()  # as where it was killed before the table was written
    both = first | {"b": command(tmp_path / "b", '{"AP": 0.25, "ECE": 1}')}
    both["a"] = [sys.executable, "-c", "raise SystemExit(3)"]
    assert tool.run_missing(both, tmp_path, 2, None, said) == []
    assert rows(tmp_path / tool.TABLE) == [{"AP": "0.5", "ECE": ""}, {"AP": "0.25", "ECE": "1"}]
    # A file that is asked for is not there: it runs again.
    (problem,) = tool.run_missing(both, tmp_path, 1, None, said, (tool.DONE, "a.pth"))[:1]
    assert problem.startswith("a: ended with 3, see ")


def test_failures_and_a_lack_of_time_are_told(tool, tmp_path) -> None:
    fails = {"a": [sys.executable, "-c", "print('why'); raise SystemExit(2)"]}
    (problem,) = tool.run_missing(fails, tmp_path, 1, None, said)
    assert problem == f"a: ended with 2, see {tmp_path}/a/output.txt"
    assert (tmp_path / "a/output.txt").read_text() == "why\n"
    late = {"b": command(tmp_path / "b", "{}")}
    assert tool.run_missing(late, tmp_path, 1, 1e-9, said) == ["b: left out, no time"]
    assert tool.collect(tmp_path) == []
    with pytest.raises(SystemExit, match="b: left out"):
        tool.finish(["a: x", "b: left out"])
    tool.finish([])


def test_a_line_may_bring_columns(tool, tmp_path) -> None:
    for row in ({"rung": "l1", "AP": 0.5}, {"rung": "iou", "AP": 0.25, "IoU_ECE": 0.125}):
        tool.append_row(row, tmp_path / "runs.csv")
    assert rows(tmp_path / "runs.csv") == [
        {"rung": "l1", "AP": "0.5", "IoU_ECE": ""},
        {"rung": "iou", "AP": "0.25", "IoU_ECE": "0.125"},
    ]
