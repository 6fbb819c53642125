"""tools/convert_weights.py: there and back."""

import sys
from pathlib import Path

import convert_weights
import pytest
import torch


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: Path) -> None:
        monkeypatch.setattr(sys, "argv", ["convert_weights.py", *map(str, arguments)])
        convert_weights.main()

    return call


def test_there_and_back(convert, tmp_path: Path, capsys) -> None:
    pytest.importorskip("safetensors")
    weights = {"a.weight": torch.randn(3, 4), "a.count": torch.tensor(7)}
    meta = {"dataset_meta": {"classes": ("face",)}, "epoch": 3}
    content = {"state_dict": weights, "meta": meta, "optimizer": {"state": {}}}
    torch.save(content, tmp_path / "epoch_3.pth")
    convert(tmp_path / "epoch_3.pth", tmp_path / "w.safetensors")
    assert "2 tensors" in capsys.readouterr().out
    convert(tmp_path / "w.safetensors", tmp_path / "back.pth")
    back = torch.load(tmp_path / "back.pth")
    torch.testing.assert_close(back["state_dict"], weights, rtol=0, atol=0)
    assert back.keys() == {"state_dict", "meta"}
    assert back["meta"] == {"dataset_meta": {"classes": ["face"]}}


def test_what_cannot_be(convert, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(SystemExit, match=r"w\.onnx ends in neither"):
        convert(tmp_path / "a.pth", tmp_path / "w.onnx")
    with pytest.raises(SystemExit, match=r"b\.pth not found"):
        convert(tmp_path / "b.pth", tmp_path / "w.pth")
    torch.save({"a": torch.zeros(1), "b": torch.tensor([0.0, float("nan")])}, tmp_path / "a.pth")
    with pytest.raises(SystemExit, match="numbers that are not finite, in b: "):
        convert(tmp_path / "a.pth", tmp_path / "w.pth")
    (tmp_path / "a.pth").write_bytes(b"half")
    with pytest.raises(SystemExit, match=r"a\.pth cannot be read as a checkpoint"):
        convert(tmp_path / "a.pth", tmp_path / "w.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]
