"""Imports go the ways that the table of docs/contributing.md allows, wherever they stand."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest
from helpers.markdown import marked_tables

REPO = Path(__file__).resolve().parents[1]
ARROWS = {
    room: set(re.findall(r"\w+", imports))
    for mark, rows in marked_tables(REPO / "docs/contributing.md")
    if mark == "arrows"
    for room, _, imports in rows
}


def sources(root: Path) -> list[Path]:
    """Python files of the package and of the tools, relative to ``root``."""
    files = [*root.glob("mmeiou/**/*.py"), *root.glob("tools/**/*.py")]
    return sorted(file.relative_to(root) for file in files)


def room_of(name: str, rooms: set[str]) -> str:
    """Room of a dotted name; what is in none of them stands in the package's own module."""
    top, _, rest = name.partition(".")
    if top == "tools":
        return top
    first = rest.partition(".")[0]
    return first if first in rooms else "__init__"


def imported(root: Path, file: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every import of the package or the tools."""
    for node in ast.walk(ast.parse((root / file).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(file.parent.parts)
            module = resolve_name("." * node.level + (node.module or ""), package)
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.partition(".")[0] in {"mmeiou", "tools"}:
                yield node.lineno, name


def offenders(root: Path, arrows: dict[str, set[str]]) -> list[str]:
    """``file:line`` of every import that no arrow allows, and what it imports."""
    names = {file: ".".join(file.with_suffix("").parts) for file in sources(root)}
    rooms = {name.split(".")[1] for name in names.values() if name.startswith("mmeiou.")}
    found = {}  # one line imports several names of a room
    for file, name in names.items():
        room = room_of(name, rooms)
        for line, other in imported(root, file):
            target = room_of(other, rooms)
            if target not in arrows.get(room, set()) | {room}:
                found[f"{file}:{line}: {room} imports {target}"] = None
    return list(found)


def test_imports_follow_the_arrows() -> None:
    found = offenders(REPO, ARROWS)
    assert not found, "\n".join(found)


def test_the_table_has_the_rooms_that_there_are() -> None:
    package = [file for file in sources(REPO) if file.parts[0] == "mmeiou"]
    assert set(ARROWS) == {"tools", *(file.parts[1].removesuffix(".py") for file in package)}


def test_no_arrow_leads_back() -> None:
    TopologicalSorter(ARROWS).prepare()  # a cycle is an error


def write(root: Path, **files: str) -> None:
    """Modules by their name below the package."""
    for name, text in files.items():
        file = root / "mmeiou" / f"{name.replace('_', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import mmeiou.up", 1),
        ("import os, mmeiou.up.deep", 1),
        ("from mmeiou.up import thing", 1),
        ("from mmeiou import up", 1),
        ("from ..up import thing", 1),
        ("from .. import up", 1),
        ("def f():\n    import mmeiou.up", 2),
        ("if TYPE_CHECKING:\n    from mmeiou.up.deep import thing", 2),
        ("try:\n    from mmeiou import (\n        up)\nexcept ImportError: pass", 2),
    ],
)
def test_every_form_of_import_is_seen(text: str, line: int, tmp_path: Path) -> None:
    within = "\nfrom mmeiou.down import other\nfrom . import other"
    write(tmp_path, down_module=text + within, down_other="", up_deep="")
    expected = [f"mmeiou/down/module.py:{line}: down imports up"]
    assert offenders(tmp_path, {"down": set()}) == expected
    assert offenders(tmp_path, {"down": {"up"}}) == []


def test_the_package_itself_is_a_room_and_nothing_imports_the_tools(tmp_path: Path) -> None:
    write(tmp_path, down="import tools.tool\nfrom mmeiou import __version__")
    (tmp_path / "mmeiou/__init__.py").write_text("from mmeiou import down")
    assert offenders(tmp_path, {}) == [
        "mmeiou/__init__.py:1: __init__ imports down",
        "mmeiou/down.py:1: down imports tools",
        "mmeiou/down.py:2: down imports __init__",
    ]
