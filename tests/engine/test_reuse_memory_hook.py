import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmeiou.engine import ReuseMemoryHook, reuse_memory_hook

# Page faults of filling the same large block ten times, after the heap has grown as far as it will:
# until then some allocations cut the freed block, and the next one does not fit.
COUNT_FAULTS = """
import resource, sys
import torch
if sys.argv[1] == "reuse":
    from mmeiou.engine.reuse_memory_hook import reuse_memory
    assert reuse_memory()
torch.set_num_threads(1)
for _ in range(40):
    torch.ones(16_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(16_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries: nothing to set")
def test_freed_memory_is_taken_again() -> None:
    faults = {
        way: int(
            subprocess.run(
                [sys.executable, "-c", COUNT_FAULTS, way],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.splitlines()[-1]
        )
        for way in ("plain", "reuse")
    }
    assert faults["reuse"] < faults["plain"] / 4


@pytest.mark.parametrize(
    ("device", "enable", "calls"), [("cpu", True, 1), ("cpu", False, 0), ("meta", True, 0)]
)
def test_only_the_cpu_needs_it_and_can_refuse_it(
    device: str, enable: bool, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(reuse_memory_hook, "reuse_memory", lambda: seen.append(True))
    model = nn.Linear(1, 1, device=torch.device(device))
    ReuseMemoryHook(enable=enable).before_run(SimpleNamespace(model=model))
    assert len(seen) == calls


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not reuse_memory_hook.reuse_memory()
