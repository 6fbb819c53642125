"""A narrow YuNet with random weights, exported."""

from pathlib import Path

import pytest
from helpers.tiny_model import TinyModel, write_tiny_model


@pytest.fixture(scope="session")
def tiny(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return write_tiny_model(repo, tmp_path_factory.mktemp("tiny"))
