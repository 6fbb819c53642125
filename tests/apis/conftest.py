"""A narrow YuNet with random weights, as config and checkpoint and as exports."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_model import TinyModel, write_tiny_model


@pytest.fixture(scope="session")
def make_tiny(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TinyModel]:
    """Make the model with other options of its head."""
    return lambda head="": write_tiny_model(repo, tmp_path_factory.mktemp("tiny"), head)


@pytest.fixture(scope="session")
def tiny(make_tiny: Callable[..., TinyModel]) -> TinyModel:
    return make_tiny()


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
