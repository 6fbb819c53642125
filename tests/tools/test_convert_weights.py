"""tools/convert_weights.py: there and back, and from ONNX."""

import sys
from pathlib import Path

import convert_weights
import cv2
import numpy as np
import pytest
import torch

CONFIG = "configs/yunet/yunet-s_2xb16-640e_widerface.py"


@pytest.fixture
def convert(monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: Path | str) -> None:
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
    torch.save({"state_dict": weights, "meta": None}, tmp_path / "bare.pth")
    convert(tmp_path / "bare.pth", tmp_path / "bare.safetensors")


def test_what_cannot_be(convert, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(SystemExit, match=r"w\.onnx ends in neither"):
        convert(tmp_path / "a.pth", tmp_path / "w.onnx")
    with pytest.raises(SystemExit, match=r"b\.pth not found"):
        convert(tmp_path / "b.pth", tmp_path / "w.pth")
    torch.save({"a": torch.zeros(1), "b": torch.tensor([0.0, float("nan")])}, tmp_path / "a.pth")
    with pytest.raises(SystemExit, match="numbers that are not finite, in b: "):
        convert(tmp_path / "a.pth", tmp_path / "w.pth")
    torch.save({"epoch": 3, "model": {"a": torch.zeros(1)}}, tmp_path / "a.pth")
    with pytest.raises(
        SystemExit, match="has epoch, model: expected the weights, tensors by their"
    ):
        convert(tmp_path / "a.pth", tmp_path / "w.pth")
    (tmp_path / "a.pth").write_bytes(b"half")
    with pytest.raises(SystemExit, match=r"a\.pth cannot be read as a checkpoint"):
        convert(tmp_path / "a.pth", tmp_path / "w.pth")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]


@pytest.fixture
def exported(repo: Path, tmp_path: Path) -> Path:
    pytest.importorskip("onnxruntime")
    from mmengine.config import Config  # noqa: PLC0415
    from mmengine.registry import init_default_scope  # noqa: PLC0415

    from mmeiou.deploy.onnx_export import export_onnx  # noqa: PLC0415
    from mmeiou.registry import MODELS  # noqa: PLC0415

    init_default_scope("mmdet")
    model = MODELS.build(Config.fromfile(repo / CONFIG).model).eval()
    model.dataset_meta = {"classes": ("face",)}
    export_onnx(model, tmp_path / "yunet.onnx", (64, 64))
    return tmp_path / "yunet.onnx"


def test_from_onnx(convert, exported: Path, repo: Path, tmp_path: Path, capsys) -> None:
    """It finds what the file finds; with images the norms have their statistics."""
    from mmeiou.apis import FaceDetector  # noqa: PLC0415

    (tmp_path / "images").mkdir()
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "images/noise.png"), image)
    cv2.imwrite(str(tmp_path / "images/small.png"), image[:20])  # less than a multiple of 32
    convert(exported, tmp_path / "plain.pth")
    assert "to fine-tune from it, convert with --images FOLDER" in capsys.readouterr().err
    convert(exported, tmp_path / "measured.pth", "--images", tmp_path / "images")
    assert "no statistics" not in capsys.readouterr().err
    expected = FaceDetector(exported, score_thr=0)(image)
    assert len(expected.boxes)
    for name in ("plain.pth", "measured.pth"):
        found = FaceDetector(repo / CONFIG, tmp_path / name, score_thr=0)(image)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-3)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    loaded = torch.load(tmp_path / "measured.pth")
    assert loaded["meta"] == {"dataset_meta": {"classes": ("face",)}}
    mean = loaded["state_dict"]["backbone.model0.bn1.running_mean"]
    assert mean.abs().sum() > 0


def test_what_cannot_be_of_onnx(convert, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    (tmp_path / "text.onnx").write_text("not one")
    with pytest.raises(SystemExit, match=r"text\.onnx is no ONNX file"):
        convert(tmp_path / "text.onnx", tmp_path / "w.pth")
    with pytest.raises(SystemExit, match=r"nowhere\.onnx"):
        convert(tmp_path / "nowhere.onnx", tmp_path / "w.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(SystemExit, match=r"--images is for \.onnx files"):
        convert(tmp_path / "a.pth", tmp_path / "w.pth", "--images", tmp_path)
    assert not (tmp_path / "w.pth").exists()
