"""Quantization-aware fine-tuning: the graph that learns is the one that ONNX Runtime runs."""

import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmeiou.deploy.int8.blocks import blocks_of
from mmeiou.deploy.int8.quantize import prepare, quantize
from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.registry import MODELS

SIDE = 64


@pytest.fixture(scope="module")
def tool(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/experiments"))
        import int8_finetuning  # noqa: PLC0415

        return int8_finetuning


@pytest.fixture(scope="module")
def folder(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8")
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    export_onnx(model.eval(), folder / "float.onnx", (SIDE, SIDE), dynamic=True)
    (folder / "images").mkdir()
    random = np.random.default_rng(0)
    for index in range(3):
        picture = random.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"images/{index}.png"), cv2.resize(picture, (120, 90)))
    return folder


def landmarks(model: onnx.ModelProto, batch: np.ndarray) -> np.ndarray:
    """Of ONNX Runtime, as the file says, without its own changes."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [f"kps_{stride}" for stride in (8, 16, 32)]
    return np.concatenate(session.run(names, {model.graph.input[0].name: batch}), 1)


def test_it_computes_what_the_file_says(tool: ModuleType, folder: Path) -> None:
    model = prepare(onnx.load(folder / "float.onnx"))
    batches = tool.calibration(folder / "images", 3, SIDE)
    quantized = quantize(model, batches, blocks_of(model.graph)[:3])
    exact = landmarks(model, batches[0])
    with torch.no_grad():
        ours = [
            tool.QuantizedGraph(graph, model)(torch.from_numpy(batches[0]))[..., 6:].numpy()
            for graph in (model, quantized)
        ]
    np.testing.assert_allclose(ours[0], exact, atol=1e-4 * np.abs(exact).max())
    # Sums of floats round otherwise than those of integers; now and then a level is another one.
    lost = np.abs(landmarks(quantized, batches[0]) - exact).mean()
    assert np.abs(ours[1] - landmarks(quantized, batches[0])).mean() < lost / 4


def test_what_was_learned_is_in_the_file(tool: ModuleType, folder: Path) -> None:
    model = prepare(onnx.load(folder / "float.onnx"))
    graph = tool.QuantizedGraph(model, model)
    with torch.no_grad():
        for parameter in graph.parameters():
            parameter.mul_(1.01)
    batch = tool.calibration(folder / "images", 1, SIDE)[0]
    with torch.no_grad():
        wanted = graph(torch.from_numpy(batch))[..., 6:].numpy()
    found = landmarks(graph.learned(model), batch)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    assert np.abs(found - landmarks(model, batch)).max() > 0.01 * np.abs(wanted).max()


def test_distance_is_nothing_between_equals_and_has_a_gradient(tool: ModuleType) -> None:
    teacher = torch.randn(2, 30, 16)
    assert tool.distance(teacher, teacher) == pytest.approx(0, abs=1e-6)
    student = (teacher + 0.1).requires_grad_()
    loss = tool.distance(student, teacher)
    loss.backward()
    assert loss > 0
    assert student.grad.abs().sum((0, 1)).min() > 0


def test_crops_are_squares_of_the_picture(tool: ModuleType) -> None:
    picture = np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3)
    crops = [tool.crop_of(picture, np.random.default_rng(seed), 32) for seed in range(8)]
    assert {crop.shape for crop in crops} == {(32, 32, 3)}
    assert len({crop.tobytes() for crop in crops}) == 8


def test_the_command(tool: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder / "out"
    options = f"--seeds 3 --steps 2 --batch-size 2 --side {SIDE} --lr 1e-3 --calibration 2 {SIDE}"
    given = [str(folder / "float.onnx"), str(folder / "images"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["int8_finetuning.py", *given, *options.split()])
    tool.main()
    assert sorted(path.name for path in out.iterdir()) == ["seed3.onnx", "unlearned.onnx"]
    batch = tool.calibration(folder / "images", 1, SIDE)[0]
    before, after = (
        landmarks(onnx.load(out / name), batch) for name in ("unlearned.onnx", "seed3.onnx")
    )
    assert not np.array_equal(before, after)


def test_a_file_that_is_not_there(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [str(tmp_path / "no.onnx"), str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["int8_finetuning.py", *given])
    with pytest.raises(SystemExit, match=r"error: .*no\.onnx"):
        tool.main()
    assert not (tmp_path / "out").exists()
