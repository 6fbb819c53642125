"""How many threads OpenMP starts, and how long threads wait actively; set before torch is loaded.

OpenMP's threads meet at the end of each parallel loop. By default GNU's wait actively for
milliseconds: on a machine with other work, on a core that somebody else needs, and for a thread
that the system has put off to serve them. And they are as many as the process may use cores, of
which a container's quota grants it a part only.

Nothing that the user has set is changed, and nothing at all where torch is loaded already.
"""

import math
import os
from collections.abc import Callable, MutableMapping
from pathlib import Path

# Rounds of active waiting: enough for the gap between two loops of a network, a thirtieth of GNU's.
# Measured by tools/benchmark/busy_machine.py: docs/performance.md.
SPIN_COUNT = 10000
# The same for the threads of ONNX Runtime, which by default wait longer.
ONNX_RUNTIME_SPIN = {"session.intra_op.spin_duration_us": "100"}
_WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
_CGROUP = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def set_defaults(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what the user left open, for this process and its children.

    Args:
        environ: Where OpenMP looks: the variables of this process.
    """
    if not any(name in environ for name in _WAITING):
        environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    quota = cpu_quota()
    if quota is not None and "OMP_NUM_THREADS" not in environ:
        threads = max(1, math.ceil(quota))
        if threads < usable_cores():
            environ["OMP_NUM_THREADS"] = str(threads)


def usable_cores() -> int:
    """Cores on which the system may run this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(membership: Path = _MEMBERSHIP, root: Path = _CGROUP) -> float | None:
    """Cores' worth of time that control groups grant this process; None without a limit.

    The least of the group's own and those above it, in the second version (``cpu.max``) or the
    first (``cpu.cfs_quota_us``).

    Args:
        membership: ``/proc/self/cgroup``.
        root: Where control groups are mounted.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # no Linux
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found += _quotas(root, path, _quota_v2)
        elif "cpu" in controllers.split(","):
            for name in {controllers, "cpu"}:
                found += _quotas(root / name, path, _quota_v1)
    return min(found, default=None)


def _quotas(mount: Path, path: str, read: Callable[[Path], float | None]) -> list[float]:
    group = mount / path.lstrip("/")
    # In a container the path may be the host's, which is not there: the mount is the own group.
    folders = [folder for folder in (group, *group.parents) if folder.is_relative_to(mount)]
    return [quota for folder in folders if (quota := read(folder)) is not None]


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_v1(folder: Path) -> float | None:
    try:
        quota, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")
        )
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 else None
