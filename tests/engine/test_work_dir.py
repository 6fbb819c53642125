"""Who may train in a folder."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmeiou.engine import work_dir
from mmeiou.engine.work_dir import LOCK, WorkDirError, checkpoints, owned, refuse_overwriting

HOLD = """
import sys, time
from pathlib import Path
from mmeiou.engine.work_dir import owned
with owned(Path(sys.argv[1])) as remark:
    print("held", remark, flush=True)
    {then}
"""


def hold(folder: Path, then: str = "time.sleep(60)") -> subprocess.Popen:
    command = [sys.executable, "-c", HOLD.format(then=then), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = next(line for line in process.stdout if "held" in line)  # behind MMCV's remarks
    assert said.startswith("held")
    return process


def test_one_training_at_a_time_and_a_dead_ones_folder_is_taken_over(tmp_path: Path) -> None:
    # its forked worker outlives it, and holds nothing
    process = hold(tmp_path, "import os; os.fork() or time.sleep(3); time.sleep(60)")
    try:
        name = rf"pid {process.pid} on {socket.gethostname()}"
        with pytest.raises(WorkDirError, match=rf"in use by the training {name}\. Give another"):
            owned(tmp_path).__enter__()
        assert (tmp_path / LOCK).read_text() == name
        with owned(tmp_path / "other") as remark:
            assert remark is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with owned(tmp_path) as remark:
        assert f"taken over from {name}, which is gone" in remark
        with pytest.raises(WorkDirError, match="in use by this process"):
            owned(tmp_path).__enter__()
        assert (tmp_path / LOCK).read_text() == f"pid {os.getpid()} on {socket.gethostname()}"
    assert not (tmp_path / LOCK).exists()


def test_a_folder_is_the_same_by_any_way(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with owned(tmp_path / "real"):
        with pytest.raises(WorkDirError, match="in use by this process"):
            owned(tmp_path / "link").__enter__()
        with pytest.raises(WorkDirError, match="in use by this process"):
            owned(tmp_path / "real" / ".." / "real").__enter__()
    (tmp_path / "real" / "epoch_1.pth").touch()
    for way in ("link", "real/../real"):
        refuse_overwriting(tmp_path / "real", str(tmp_path / way / "epoch_1.pth"))
        refuse_overwriting(tmp_path / way, str(tmp_path / "real" / "epoch_1.pth"))
    (tmp_path / "newest.pth").symlink_to(tmp_path / "real" / "epoch_1.pth")
    refuse_overwriting(tmp_path / "real", str(tmp_path / "newest.pth"))


def test_a_lock_that_its_owner_took_away_in_between_is_none(tmp_path: Path, monkeypatch) -> None:
    """The owner ends behind this process's opening of the file, and before its lock."""
    lock, path = work_dir._lock, tmp_path / LOCK
    path.write_text("pid 1 of before")
    ends = iter([path.unlink])

    def late(descriptor: int) -> bool:
        next(ends, lambda: None)()
        return lock(descriptor)

    monkeypatch.setattr(work_dir, "_lock", late)
    with owned(tmp_path) as remark:
        assert remark is None  # nobody's
        process = subprocess.run(
            [sys.executable, "-c", HOLD.format(then=""), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"is in use by the training pid {os.getpid()} on " in process.stderr


def test_of_another_host_the_file_alone_counts(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("pid 1 on elsewhere")
    with pytest.raises(WorkDirError, match=r"pid 1 on elsewhere\. .* delete .*training\.lock"):
        owned(tmp_path).__enter__()
    assert (tmp_path / LOCK).read_text() == "pid 1 on elsewhere"


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("mine")
    (tmp_path / LOCK).symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic link"):
        owned(tmp_path).__enter__()
    assert (tmp_path / "victim").read_text() == "mine"


def test_what_an_earlier_run_saved_is_not_overwritten(tmp_path: Path) -> None:
    refuse_overwriting(tmp_path / "new", None)
    for name in ("yunet_n.pth", "log.txt", "epoch_x.pth"):
        (tmp_path / name).touch()
    refuse_overwriting(tmp_path, None)
    for name in ("epoch_3.pth", "iter_20.pth", "best_AP_epoch_2.pth", "interrupted.pth"):
        (tmp_path / name).touch()
        with pytest.raises(WorkDirError, match=rf"holds .*{name}.*--resume"):
            refuse_overwriting(tmp_path, None)
    assert len(checkpoints(tmp_path)) == 4
    refuse_overwriting(tmp_path, "auto")
    refuse_overwriting(tmp_path, str(tmp_path / "epoch_3.pth"))
    with pytest.raises(WorkDirError):  # it would start the fork again from where it began
        refuse_overwriting(tmp_path, str(tmp_path / "other" / "epoch_3.pth"))
