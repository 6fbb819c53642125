"""Weights out of ONNX files: of the Zoo's form, of ours, in integers, and of other networks."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn

from mmeiou.deploy.onnx_export import export_onnx
from mmeiou.deploy.onnx_weights import detector_of, read_weights
from mmeiou.deploy.yunet_graph import contract_outputs
from mmeiou.registry import MODELS

BRANCHES = ("cls", "obj", "bbox", "kps")


def yunet(repo: Path, size: str, **head: object) -> nn.Module:
    """Random weights and statistics, in evaluation mode."""
    torch.manual_seed(0)
    init_default_scope("mmdet")
    cfg = Config.fromfile(repo / f"configs/_base_/models/yunet-{size}.py").model
    cfg.bbox_head.update(head)
    model = MODELS.build(cfg)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model.eval()


class ZooGraph(nn.Module):
    """What the authors export: four units for each level, each with outputs of its own."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        cls, bbox, obj, kps = self.detector(x, mode="tensor")
        flat = {
            branch: [one.permute(0, 2, 3, 1).reshape(1, -1, one.shape[1]) for one in maps]
            for branch, maps in zip(
                ("cls", "bbox", "obj", "kps"), (cls, bbox, obj, kps), strict=True
            )
        }
        flat["cls"], flat["obj"] = ([one.sigmoid() for one in flat[b]] for b in ("cls", "obj"))
        return [one for branch in BRANCHES for one in flat[branch]]


@pytest.fixture
def zoo_file(repo: Path, tmp_path: Path):
    def write(size: str, opset: int = 11, **head: object) -> tuple[nn.Module, Path]:
        model, path = yunet(repo, size, **head), tmp_path / f"yunet_{size}.onnx"
        branches = BRANCHES[: 4 if model.bbox_head.num_keypoints else 3]
        names = [f"{branch}_{stride}" for branch in branches for stride in (8, 16, 32)]
        torch.onnx.export(
            ZooGraph(model).eval(), (torch.rand(1, 3, 64, 64) * 255,), path, dynamo=False,
            opset_version=opset, input_names=["input"], output_names=names,
        )  # fmt: skip
        return model, path

    return write


@torch.no_grad()
def assert_computes_the_same(read: nn.Module, model: nn.Module, atol: float = 1e-4) -> None:
    x = torch.rand(1, 3, 96, 64) * 255
    for found, expected in zip(contract_outputs(read, x), contract_outputs(model, x), strict=True):
        torch.testing.assert_close(found, expected, atol=atol, rtol=1e-4)


@pytest.mark.parametrize("size", ["n", "s"])
@pytest.mark.filterwarnings("ignore")  # of torch.onnx's older exporter
def test_a_file_of_the_zoos_form(zoo_file, size: str) -> None:
    model, path = zoo_file(size)
    weights = read_weights(path)
    assert weights.keys() == model.state_dict().keys()
    assert {key: one.shape for key, one in weights.items()} == {
        key: one.shape for key, one in model.state_dict().items()
    }
    assert_computes_the_same(detector_of(weights), model)


@pytest.mark.parametrize(("size", "options"), [("n", {}), ("s", {"dynamic": True})])
def test_a_file_of_ours(repo: Path, tmp_path: Path, size: str, options: dict) -> None:
    """One pair of convolutions predicts for all branches there."""
    model = yunet(repo, size)
    export_onnx(model, tmp_path / "ours.onnx", (64, 64), **options)
    weights = read_weights(tmp_path / "ours.onnx")
    assert weights.keys() == model.state_dict().keys()
    assert_computes_the_same(detector_of(weights), model)


def test_other_classes_and_landmarks(repo: Path, tmp_path: Path) -> None:
    model = yunet(repo, "n", num_classes=3, num_keypoints=2, shared_stacked_convs=2)
    export_onnx(model, tmp_path / "ours.onnx", (64, 64))
    assert_computes_the_same(detector_of(read_weights(tmp_path / "ours.onnx")), model)
    boxes = yunet(repo, "s", num_keypoints=0)
    export_onnx(boxes, tmp_path / "ours.onnx", (64, 64))
    assert read_weights(tmp_path / "ours.onnx").keys() == boxes.state_dict().keys()


class Noise(CalibrationDataReader):
    def __init__(self) -> None:
        images = np.random.default_rng(0).uniform(0, 255, (2, 1, 3, 64, 64)).astype(np.float32)
        self.images = iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {"input": image}


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("form", [QuantFormat.QOperator, QuantFormat.QDQ])
@pytest.mark.filterwarnings("ignore")
def test_a_file_in_integers(zoo_file, tmp_path: Path, form: QuantFormat, per_channel: bool) -> None:
    """Each number is within half a step of the float file's."""
    _, path = zoo_file("s", opset=13)
    quantize_static(
        path, tmp_path / "int8.onnx", Noise(), quant_format=form, per_channel=per_channel,
        weight_type=QuantType.QInt8, activation_type=QuantType.QInt8,
    )  # fmt: skip
    expected, found = read_weights(path), read_weights(tmp_path / "int8.onnx")
    assert found.keys() == expected.keys()
    for key in found:
        if key.endswith("weight") and "conv" in key.rpartition(".")[0].rpartition(".")[2]:
            largest = expected[key].abs().max()
            if per_channel:
                largest = expected[key].abs().amax((1, 2, 3), keepdim=True)
            error = (found[key] - expected[key]).abs()
            assert (error <= largest / 127 * 0.5 + 1e-6).all(), key
            assert error.max() > 0, key
    detector_of(found)


def test_the_zoos_file_is_yunet_s(shared_data: Path) -> None:
    """OpenCV Zoo's face_detection_yunet_2023mar.onnx is the authors' file, byte for byte."""
    weights = read_weights(shared_data / "weights/yunet_s_640_640.onnx")
    released = torch.load(shared_data / "weights/yunet_s.pth", map_location="cpu")["state_dict"]
    assert weights.keys() == released.keys()
    assert_computes_the_same(detector_of(weights), detector_of(released))


def graph_of(tmp_path: Path, nodes: list[onnx.NodeProto], outputs: list[str]) -> Path:
    weight = onnx.numpy_helper.from_array(np.zeros((1, 1, 1, 1), np.float32), "w")

    def value(name: str) -> onnx.ValueInfoProto:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)

    graph = onnx.helper.make_graph(
        nodes, "g", [value("input")], [value(name) for name in outputs], [weight]
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "other.onnx")
    return tmp_path / "other.onnx"


CONTRACT = [f"{branch}_{stride}" for branch in BRANCHES for stride in (8, 16, 32)]


def test_other_networks_are_named(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    (tmp_path / "text.onnx").write_text("not one")
    with pytest.raises(ValueError, match=r"text\.onnx is no ONNX file"):
        read_weights(tmp_path / "text.onnx")
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "nowhere.onnx")
    path = graph_of(tmp_path, [node("Relu", ["input"], ["loc"])], ["loc"])  # the Zoo's of 2022
    with pytest.raises(ValueError, match=r"other\.onnx: outputs loc, but cls_8, .* are needed"):
        read_weights(path)
    path = graph_of(tmp_path, [node("Relu", ["input"], [name]) for name in CONTRACT], CONTRACT)
    with pytest.raises(ValueError, match="0 convolutions lead to cls_8"):
        read_weights(path)
    nodes = [node("BatchNormalization", ["input"], [name], name="bn") for name in CONTRACT]
    with pytest.raises(ValueError, match=r"BatchNormalization bn .* once batch norms are folded"):
        read_weights(graph_of(tmp_path, nodes, CONTRACT))
    path = graph_of(tmp_path, [node("Relu", ["lost"], [name]) for name in CONTRACT], CONTRACT)
    with pytest.raises(ValueError, match="cls_8 comes from 'lost', which nothing produces"):
        read_weights(path)
    inputs = ["input", *(f"{name}.{i}" for name in CONTRACT for i in range(3))]
    nodes = []
    for number, name in enumerate(CONTRACT):
        names = ["input", *inputs[1 + 3 * number : 4 + 3 * number], name]
        nodes += [node("Conv", [a, "w"], [b]) for a, b in pairwise(names)]
    with pytest.raises(ValueError, match=r"multi_level_cls\.0: convolutions .* a depthwise one"):
        read_weights(graph_of(tmp_path, nodes, CONTRACT))
