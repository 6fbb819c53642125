"""What docs/migrating.md leads to exists: tools with their options, configs, types."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from helpers.markdown import marked_tables
from mmengine.config import Config

import mmeiou.registry as registries
from mmeiou.registry import MODELS

PAGE = Path(__file__).resolve().parents[1] / "docs/migrating.md"
TABLES = marked_tables(PAGE)
HERE = [row[1] for mark, rows in TABLES if mark == "commands" for row in rows]
COMMANDS = [line for cell in HERE for line in re.findall(r"(?:python|torchrun) [^`]+", cell)]


@cache
def options_of(repo: Path, script: str, *command: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, script, *command, "--help"],
        cwd=repo,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"--[a-z][a-z-]+", done.stdout))


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_exist_with_their_options(repo: Path, line: str) -> None:
    words = shlex.split(line)
    (at,) = [index for index, word in enumerate(words) if word.startswith("tools/")]
    script, *rest = words[at:]
    command = rest[:1] if script.endswith("convert.py") else []
    wanted = {word for word in rest if word.startswith("--")}
    assert wanted <= options_of(repo, script, *command), line
    for word in words:
        assert not word.startswith("configs/") or (repo / word).is_file(), word


def test_there_are_commands_of_every_origin() -> None:
    assert [mark for mark, _ in TABLES].count("commands") == 3
    assert len(COMMANDS) >= 15


def test_types_are_registered_and_keys_are_read(repo: Path) -> None:
    nodes = [one for one in vars(registries).values() if isinstance(one, type(MODELS))]
    names = set(re.findall(r"mmeiou\.([A-Z]\w+)", PAGE.read_text()))
    assert len(names) > 10
    assert {name for name in names if not any(node.get(name) for node in nodes)} == set()
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    keys = re.findall(r"`((?:train_|param_|optim_|default_|val_)[a-z_.]+)`", PAGE.read_text())
    assert len(keys) >= 7
    for key in keys:
        found = cfg
        for part in key.split("."):
            found = found[part]


def test_the_loss_is_mmdetections() -> None:
    """Change the type; arguments and weights stay."""
    theirs = MODELS.build({"type": "mmdet.EIoULoss", "smooth_point": 0.1, "loss_weight": 2.0})
    ours = MODELS.build({"type": "mmeiou.EIoULoss", "smooth_point": 0.1, "loss_weight": 2.0})
    torch.manual_seed(0)
    corners = torch.rand(2, 50, 2) * 100
    boxes = torch.cat([corners, corners + 1 + torch.rand(2, 50, 2) * 50], dim=-1)
    torch.testing.assert_close(ours(*boxes), theirs(*boxes), rtol=1e-4, atol=1e-5)
