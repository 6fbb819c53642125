"""A work folder has one training at a time, and none that is not asked for is overwritten."""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmeiou.engine.checkpoint_hook import LAST

LOCK = ".training.lock"

_CHECKPOINT = re.compile(r"(epoch_\d+|iter_\d+|best_.*|interrupted)\.pth")
_ATTEMPTS = 10
_held: set[Path] = set()


class WorkDirError(ValueError):
    """The work folder is another run's."""


@contextmanager
def owned(folder: Path) -> Iterator[str | None]:
    """Keep other trainings out of a folder, until the end or the death of this process.

    Who owns it stands in the file ``.training.lock``: pid and host. The lock itself is the system's
    and dies with its process; of another host, where a file system may know no locks, the file
    alone counts. The folder is made.

    Yields:
        What to tell the user: that the folder was taken over from a process that is gone.

    Raises:
        WorkDirError: If another training has the folder; says which, and what to do.
    """
    folder = folder.resolve()  # by whatever links it is reached
    if folder in _held:
        raise WorkDirError(f"{folder} is in use by this process; give another work folder")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    descriptor, locked = _opened(path)
    try:
        owner = os.read(descriptor, 1000).decode(errors="replace").strip()
        host = socket.gethostname()
        if not locked or (owner and owner.rpartition(" on ")[2] != host):
            raise WorkDirError(
                f"{folder} is in use by the training {owner or 'that is just starting there'}. "
                f"Give another work folder, or wait. If that training is gone, delete {path}."
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} on {host}".encode(), 0)
        _held.add(folder)
        try:
            yield f"{folder} taken over from {owner}, which is gone" if owner else None
        finally:
            _held.discard(folder)
            with suppress(FileNotFoundError):
                path.unlink()
    finally:
        os.close(descriptor)


def _opened(path: Path) -> tuple[int, bool]:
    """The lock file's descriptor, and whether this process has its lock."""
    for attempt in range(_ATTEMPTS):
        # Not inherited by the workers of data loaders, which outlive a killed process by seconds.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        locked = _lock(descriptor)
        # A file system may have no lasting numbers of files, by which they are told apart.
        if not locked or _is_at(descriptor, path) or attempt == _ATTEMPTS - 1:
            break
        os.close(descriptor)  # its owner ended, and took it away, before it was locked here
    return descriptor, locked


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True


def checkpoints(folder: Path) -> list[Path]:
    """What earlier runs saved in a folder: checkpoints by MMEngine's names, and the last one's."""
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [one for one in found if one.name == LAST or _CHECKPOINT.fullmatch(one.name)]


def refuse_overwriting(folder: Path, resumed: str | None) -> None:
    """Check that a run is not about to overwrite what an earlier one saved.

    Args:
        folder: The work folder.
        resumed: ``auto``, or the checkpoint that the run goes on from; None if it starts anew.

    Raises:
        WorkDirError: If there are checkpoints, and the run does not go on from one of the folder.
    """
    if resumed == "auto" or (resumed and folder.resolve() in _folders_of(Path(resumed))):
        return
    if saved := checkpoints(folder):
        raise WorkDirError(
            f"{folder} holds checkpoints of an earlier run ({', '.join(one.name for one in saved)})"
            ". To go on with it: --resume. To keep it: another --work-dir. To delete them: "
            "--overwrite."
        )


def _folders_of(file: Path) -> set[Path]:
    """Where a file lies: by its name, and where it leads to if it is a link."""
    return {file.parent.resolve(), file.resolve().parent}
