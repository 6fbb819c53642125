"""Files that appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmeiou.whole_files import remove_unfinished, replacing


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as unfinished:
        unfinished.write_text("one")
        assert unfinished.suffix == ".txt"
        assert not path.exists()
    with pytest.raises(TypeError), replacing(path) as unfinished:
        unfinished.write_bytes("no bytes" if unfinished.write_text("half") else b"")
    assert path.read_text() == "one"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    begun = []
    with pytest.raises(IsADirectoryError, match="is a folder, not a file"), replacing(tmp_path):
        begun.append(0)
    assert not begun


def test_a_flushed_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    sync, rename = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def note_rename(source: Path, target: Path) -> None:
        events.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    with replacing(tmp_path / "a.pth", flush=True) as unfinished:
        unfinished.write_text("whole")
    assert events == ["a.pth", "rename", tmp_path.name]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "kept.pth").touch()
    code = (
        "import os, signal, sys; from pathlib import Path; from mmeiou.whole_files import replacing"
        "\nwith replacing(Path(sys.argv[1])) as unfinished:"
        "\n    unfinished.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "epoch_1.pth")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    assert remove_unfinished(tmp_path) == [tmp_path / "epoch_1.pth"]
    assert [path.name for path in tmp_path.iterdir()] == ["kept.pth"]
