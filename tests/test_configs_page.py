"""The tables of docs/configs.md name parameters, values and variables as they are.

The comment before a table says what its first two columns are:

- ``parameters: PREFIX``: ``PREFIX.key`` is a parameter of a registered class, and its default;
- ``values: CONFIG [PREFIX]``: a key of that config, below ``PREFIX``, and its value there; where
  the config is silent, the default of the class that the key belongs to;
- ``environment``: a variable that configs read, and what they take without it.
"""

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from helpers.markdown import marked_tables
from mmengine.config import Config
from mmengine.registry import Registry, init_default_scope
from mmengine.runner import Runner

from mmeiou import registry as nodes

REPO = Path(__file__).resolve().parents[1]
CONFIGS = REPO / "configs"
TABLES = marked_tables(REPO / "docs/configs.md")
REGISTRIES = [node for node in vars(nodes).values() if isinstance(node, Registry)]


def rows_of(kind: str) -> list[tuple[str, ...]]:
    """Of all tables of a kind: what its comment adds, key and second cell."""
    found = []
    for mark, rows in TABLES:
        first, _, rest = mark.partition(": ")
        if first == kind:
            found += [(rest, key, cell) for key, cell, *_ in rows]
    return found


def literal(cell: str) -> Any:
    try:
        return ast.literal_eval(cell)
    except (SyntaxError, ValueError):
        return cell


def as_written(value: Any) -> Any:
    """Sequences as tuples: a config may say either."""
    if isinstance(value, list | tuple):
        return tuple(map(as_written, value))
    return value


def default(type_name: str, parameter: str) -> Any:
    """Of a registered class, or of the one that it hands the parameter on to; or "required"."""
    init_default_scope("mmdet")
    found = filter(None, (node.get(type_name) for node in REGISTRIES))
    cls = next(found, None)
    assert cls, f"{type_name} is not registered"
    for base in cls.__mro__:
        parameters = inspect.signature(base.__init__).parameters
        if parameter in parameters:
            value = parameters[parameter].default
            return "required" if value is inspect.Parameter.empty else value
    raise AssertionError(f"{type_name} has no parameter {parameter}")


def shipped(config: str, key: str) -> Any:
    """Value of a key in a config, by default that of its class; "unset" in no class."""
    *parents, last = key.split(".")
    assert (parents or [last])[0] in inspect.signature(Runner).parameters
    node: Any = Config.fromfile(CONFIGS / config)
    for parent in parents:
        node = node.get(parent, {})
    if last in node:
        return node[last]
    return default(node["type"], last) if "type" in node else "unset"


@pytest.mark.parametrize(("prefix", "key", "cell"), rows_of("parameters"))
def test_parameters_and_their_defaults(prefix: str, key: str, cell: str) -> None:
    type_name, _, parameter = f"{prefix}.{key}".rpartition(".")
    assert as_written(default(type_name, parameter)) == literal(cell)


@pytest.mark.parametrize(("where", "key", "cell"), rows_of("values"))
def test_keys_of_a_config_and_their_values(where: str, key: str, cell: str) -> None:
    config, _, prefix = where.partition(" ")
    assert as_written(shipped(config, f"{prefix}.{key}".strip("."))) == literal(cell)


def test_environment_variables_are_all_there() -> None:
    variable = re.compile(r"\{\{\$(\w+):(.*?)\}\}")
    read = {pair for path in CONFIGS.rglob("*.py") for pair in variable.findall(path.read_text())}
    read.discard(("MMEIOU_WEIGHTS", "yunet_s.pth"))  # in the third column
    assert {(name, cell) for _, name, cell in rows_of("environment")} == read


def test_every_table_is_checked() -> None:
    page = (REPO / "docs/configs.md").read_text()
    assert len(TABLES) == page.count("|---|---|") == 6
    kinds = {"parameters", "values", "environment"}
    assert {mark.partition(": ")[0] for mark, _ in TABLES} == kinds
