"""Weights that are nothing but tensors, on every road that takes a checkpoint."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny_run import TinyModel, make_runner
from mmengine.runner import checkpoint, load_checkpoint

from mmeiou.compat.archive import CheckpointError
from mmeiou.compat.safetensors_files import read_safetensors, write_safetensors


@pytest.fixture
def weights(tmp_path) -> tuple[Path, dict]:
    pytest.importorskip("safetensors")
    model = TinyModel()
    model.layers[0].weight.data[0, 0] = 0.25
    meta = {"classes": ("a", "b"), "palette": np.array([[1, 2, 3]])}
    write_safetensors(tmp_path / "w.safetensors", model.state_dict(), meta)
    return tmp_path / "w.safetensors", model.state_dict()


def test_every_road_loads_them(weights, tmp_path) -> None:
    path, expected = weights
    by_function, by_config, by_address = TinyModel(), TinyModel(), TinyModel()
    load_checkpoint(by_function, str(path), map_location="cpu", strict=True)
    by_config = TinyModel({"type": "Pretrained", "checkpoint": str(path)})
    by_config.init_weights()
    loaded = checkpoint.load_from_http(f"file://{path}", model_dir=str(tmp_path / "cache"))
    by_address.load_state_dict(loaded["state_dict"])
    by_runner = make_runner(tmp_path / "run", 1, load_from=str(path), custom_hooks=None)
    by_runner.load_or_resume()
    for model in (by_function, by_config, by_address, by_runner.model):
        torch.testing.assert_close(model.state_dict(), expected, rtol=0, atol=0)
    assert loaded["meta"]["dataset_meta"] == {"classes": ["a", "b"], "palette": [[1, 2, 3]]}


def test_tied_weights_and_none_to_say(tmp_path) -> None:
    pytest.importorskip("safetensors")
    one = torch.arange(6.0).reshape(2, 3)
    write_safetensors(tmp_path / "t.safetensors", {"a": one, "b": one, "c": one.T})
    loaded = read_safetensors(tmp_path / "t.safetensors")
    assert loaded.keys() == {"state_dict"}
    assert torch.equal(loaded["state_dict"]["c"], one.T)


def test_other_files_of_that_name_are_named(tmp_path) -> None:
    pytest.importorskip("safetensors")
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 99)
    with pytest.raises(CheckpointError, match=r"x\.safetensors cannot be read as a checkpoint"):
        load_checkpoint(TinyModel(), str(tmp_path / "x.safetensors"))


def test_without_the_package_it_is_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    (tmp_path / "x.safetensors").touch()
    with pytest.raises(ImportError, match=r"pip install 'mmeiou\[safetensors\]'"):
        load_checkpoint(TinyModel(), str(tmp_path / "x.safetensors"))
