"""What QuietRunner's console leaves out, and where it is."""

from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel

from mmeiou.engine.quiet_runner import QuietRunner

FOR_THE_FILE = (
    "System environment:",
    "Config:",
    "Hooks will be executed",
    "all SyncBatchNorm",
    "FileClient",
    "HardDiskBackend",
)


class Nothing(BaseModel):
    def forward(self, *_: object, **__: object) -> torch.Tensor:
        return torch.zeros(1)


def console_of(folder: Path, capsys: pytest.CaptureFixture[str], level: str) -> tuple[str, str]:
    """What the console and the log file get, some remarks of MMEngine's included."""
    runner = QuietRunner(
        Nothing(),
        str(folder),
        experiment_name=f"{folder.name}-{level}",
        log_level=level,
        cfg={"some": 1},
    )
    runner.logger.warning('"FileClient" will be deprecated in future. Please use io functions')
    runner.logger.warning('"HardDiskBackend" is the alias of "LocalBackend" and the former')
    runner.logger.warning("something else of FileClient")
    (log,) = folder.glob("*/*.log")
    captured = capsys.readouterr()
    return captured.out + captured.err, log.read_text()


def test_the_file_has_what_the_console_has_not(tmp_path: Path, capsys) -> None:
    console, log = console_of(tmp_path, capsys, "INFO")
    console = console.replace("something else of FileClient", "kept")
    assert "kept" in console
    assert [words for words in FOR_THE_FILE if words in console] == []
    assert [words for words in FOR_THE_FILE if words not in log] == []
    (file,) = tmp_path.glob("*/*.log")
    assert f"environment, config and hooks are in {file}" in console


def test_debugging_shows_all(tmp_path: Path, capsys) -> None:
    console, _ = console_of(tmp_path, capsys, "DEBUG")
    assert [words for words in FOR_THE_FILE if words not in console] == []
    assert "environment, config and hooks are in" not in console
