"""mmeiou.threads: what OpenMP is told, and what control groups grant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmeiou import threads


@pytest.fixture
def quota(monkeypatch: pytest.MonkeyPatch):
    def grant(cores: float | None, usable: int = 4) -> None:
        monkeypatch.setattr(threads, "cpu_quota", lambda: cores)
        monkeypatch.setattr(threads, "usable_cores", lambda: usable)

    return grant


def environ_after(**before: str) -> dict[str, str]:
    environ = dict(before)
    threads.set_defaults(environ)
    return environ


def test_waits_briefly_unless_the_user_says_how(quota) -> None:
    quota(None)
    assert environ_after() == {"GOMP_SPINCOUNT": str(threads.SPIN_COUNT)}
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        assert environ_after(**{name: "x"}) == {name: "x"}


@pytest.mark.parametrize(("cores", "expected"), [(0.5, "1"), (1.0, "1"), (1.5, "2"), (3.9, None)])
def test_threads_are_as_many_as_the_quota_feeds(quota, cores, expected) -> None:
    quota(cores)
    assert environ_after().get("OMP_NUM_THREADS") == expected
    assert environ_after(OMP_NUM_THREADS="7")["OMP_NUM_THREADS"] == "7"


def test_a_quota_above_the_cores_changes_nothing(quota) -> None:
    quota(8.0)
    assert "OMP_NUM_THREADS" not in environ_after()


def group(root: Path, path: str, files: dict[str, str]) -> None:
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def granted(tmp_path: Path, membership: str) -> float | None:
    (tmp_path / "membership").write_text(membership)
    return threads.cpu_quota(tmp_path / "membership", tmp_path / "cgroup")


def test_the_least_quota_of_the_groups_above_holds(tmp_path) -> None:
    root = tmp_path / "cgroup"
    group(root, "pod/box", {"cpu.max": "max 100000\n"})
    assert granted(tmp_path, "0::/pod/box\n") is None
    group(root, "pod", {"cpu.max": "150000 100000\n"})
    assert granted(tmp_path, "0::/pod/box\n") == 1.5
    group(root, "pod/box", {"cpu.max": "50000 100000\n"})
    assert granted(tmp_path, "0::/pod/box\n") == 0.5


def test_inside_a_container_the_mount_is_the_own_group(tmp_path) -> None:
    group(tmp_path / "cgroup", ".", {"cpu.max": "200000 100000\n"})
    assert granted(tmp_path, "0::/host/docker/abc\n") == 2.0


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_the_first_version_of_control_groups(tmp_path, mount) -> None:
    files = {"cpu.cfs_quota_us": "250000\n", "cpu.cfs_period_us": "100000\n"}
    group(tmp_path / "cgroup", f"{mount}/docker/abc", files)
    lines = "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"
    assert granted(tmp_path, lines) == 2.5
    group(tmp_path / "cgroup", f"{mount}/docker/abc", {"cpu.cfs_quota_us": "-1\n"})
    assert granted(tmp_path, lines) is None


def test_no_control_groups_no_quota(tmp_path) -> None:
    assert threads.cpu_quota(tmp_path / "nothing", tmp_path) is None
    assert granted(tmp_path, "0::/\n") is None


def test_importing_the_package_is_enough() -> None:
    environ = {k: v for k, v in os.environ.items() if k not in threads._WAITING}
    command = [sys.executable, "-c", "import mmeiou, os; print(os.environ['GOMP_SPINCOUNT'])"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(threads.SPIN_COUNT)


@pytest.fixture
def real_group():
    """A control group of half a core; the file that moves a process into it."""
    for root, limit, text in (
        (Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us", "50000"),  # of 100,000
        (Path("/sys/fs/cgroup"), "cpu.max", "50000 100000"),
    ):
        folder = root / f"mmeiou-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit).write_text(text)
        except OSError:
            folder.rmdir()
            continue
        yield folder / "cgroup.procs"
        folder.rmdir()
        return
    pytest.skip("control groups cannot be made here")


def test_a_real_quota_is_seen(real_group) -> None:
    script = (
        f"import os; open({str(real_group)!r}, 'w').write(str(os.getpid()))\n"
        "import mmeiou\nfrom mmeiou.threads import cpu_quota, usable_cores\n"
        "print(cpu_quota(), usable_cores(), os.environ.get('OMP_NUM_THREADS'))"
    )
    env = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=env
    )
    quota, cores, threads_set = done.stdout.split()
    assert float(quota) == 0.5
    assert threads_set == ("1" if int(cores) > 1 else "None")
