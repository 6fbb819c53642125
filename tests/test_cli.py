"""How the tools end: one line, also under mim, which would end in a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from mmeiou.cli import one_line_errors
from mmeiou.labels import read_labels


def test_an_error_of_ours_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^train: labels .*nowhere not found"):  # noqa: SIM117
        with one_line_errors("train"):
            read_labels(tmp_path / "nowhere", "wider_mat")


def test_an_error_of_others_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="invalid literal"), one_line_errors("train"):
        int("x")
    with pytest.raises(KeyError), one_line_errors("train"):
        {}["key"]
    with pytest.raises(SystemExit, match="75"), one_line_errors("train"):
        sys.exit(75)


TOOL = """
import argparse, sys
from mmeiou.cli import one_line_errors
if "-h" in sys.argv:
    argparse.ArgumentParser().parse_args()
with one_line_errors("train"):
    raise SystemExit("config not found")
"""
# As pip installs it, but for the place of the package.
# Whatever starts the tests in the background may have it ignore interrupts.
MIM = """
import signal
import sys
from importlib import import_module
signal.signal(signal.SIGINT, signal.default_int_handler)
train = import_module("mim.commands.train")
train.get_installed_path = lambda _: {root!r}
train.is_installed = lambda _: True
sys.exit(train.cli())
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc to ask for mim in")
def test_mim_ends_without_a_traceback(tmp_path: Path) -> None:
    pytest.importorskip("mim")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/train.py").write_text(TOOL)
    (tmp_path / "config.py").write_text("")
    for name in ("mim", "other"):  # by this name, mim is left alone
        (tmp_path / name).write_text(MIM.format(root=str(tmp_path)))
    outputs = {}
    for name in ("mim", "other"):
        command = [sys.executable, name, "mmeiou", "config.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        outputs[name] = done.stdout + done.stderr
        assert outputs[name].count("config not found") == 1
    assert "Traceback" not in outputs["mim"]
    assert outputs["mim"].rstrip().endswith("config not found\n\nAborted!")
    assert "CalledProcessError" in outputs["other"]
