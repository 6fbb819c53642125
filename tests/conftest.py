"""Where the tests find real data; without it they skip, saying so."""

import os
from pathlib import Path

import pytest
import torch

import mmeiou  # noqa: F401 - before MMDetection, which may need the op stand-ins

REPO = Path(__file__).resolve().parents[1]
# Small tensors: more threads only wait for each other, the more so in several test processes.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(os.environ.get("MMEIOU_SHARED", REPO.parent / "shared")) / "data"


@pytest.fixture(scope="session")
def repo() -> Path:
    """Root of the checkout."""
    return REPO


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images, labels and released weights."""
    if not SHARED.is_dir():
        pytest.skip(f"real data not found at {SHARED} (set MMEIOU_SHARED to its parent)")
    return SHARED
