"""Every block of docs/mix_in.md builds and trains for a step."""

import re
from pathlib import Path

import pytest
from helpers.markdown import code_to_run
from mmengine.config import Config
from mmengine.registry import init_default_scope
from test_configs import check_step, reduced

PAGE = Path(__file__).resolve().parents[1] / "docs" / "mix_in.md"
BLOCKS = code_to_run(PAGE, "python")
RECIPES = [block for block in BLOCKS if block.startswith("_base_")]


def recipe_id(block: str) -> str:
    match = re.search(r"mmdet::\w+/([\w-]+)", block)
    assert match
    types = "-".join(re.findall(r"mmeiou\.(\w+)", block))
    return f"{match[1]}-{types}"


@pytest.mark.parametrize("block", RECIPES, ids=recipe_id)
def test_recipe_trains(block: str, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(block)
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    check_step(Config({"model": reduced(cfg.model)}).pretty_text)


def test_plain_functions_run() -> None:
    (block,) = (block for block in BLOCKS if block not in RECIPES)
    exec(block, {})  # noqa: S102 - our own documentation
    assert len(RECIPES) >= 8
