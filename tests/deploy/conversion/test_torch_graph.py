"""Exports as PyTorch modules; ONNX Runtime is the oracle."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers.tiny_model import write_tiny_model

from mmeiou.deploy.conversion.torch_graph import OPERATORS, TorchGraph

IOU_HEAD = 'type="mmeiou.YuNetIoUHead", iou_fusion=0.3, loss_iou=dict({}, loss_weight=1.0)'


def assert_same(path: Path) -> None:
    model = onnx.load(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for height, width in ((64, 96), (32, 32)):
        x = np.random.default_rng(0).uniform(0, 255, (1, 3, height, width)).astype(np.float32)
        found = TorchGraph(model)(torch.from_numpy(x))
        names = [output.name for output in session.get_outputs()]
        assert list(found) == names
        for name, expected in zip(names, session.run(None, {"input": x}), strict=True):
            np.testing.assert_allclose(found[name].numpy(), expected, atol=1e-4)


def test_computes_what_onnx_runtime_does(tiny) -> None:
    assert_same(tiny.dynamic)


@pytest.mark.parametrize(
    "loss", ['type="L1Loss"', 'type="CrossEntropyLoss", use_sigmoid=True'], ids=["linear", "logit"]
)
def test_an_iou_branch(repo: Path, tmp_path: Path, loss: str) -> None:
    assert_same(write_tiny_model(repo, tmp_path, IOU_HEAD.format(loss)).dynamic)


def test_every_operator_is_needed(repo: Path, tmp_path: Path) -> None:
    model = onnx.load(write_tiny_model(repo, tmp_path, IOU_HEAD.format('type="L1Loss"')).dynamic)
    assert {node.op_type for node in model.graph.node} == {*OPERATORS, "Constant"}


def test_other_operators_are_named(tiny) -> None:
    model = onnx.load(tiny.dynamic)
    for node, kind in zip(model.graph.node, ("Tanh", "Elu"), strict=False):
        node.op_type = kind
    with pytest.raises(ValueError, match="no counterpart in PyTorch for Elu, Tanh"):
        TorchGraph(model)


@pytest.mark.parametrize(("kind", "pads"), [("Conv", [0, 1, 1, 0]), ("MaxPool", [0, 0, 1, 1])])
def test_pads_that_pytorch_has_not(tiny, kind: str, pads: list[int]) -> None:
    model = onnx.load(tiny.dynamic)
    node = next(node for node in model.graph.node if node.op_type == kind)
    (given,) = (item for item in node.attribute if item.name == "pads")
    given.ints[:] = pads
    with pytest.raises(ValueError, match=r"pads \[0, "):
        TorchGraph(model)(torch.zeros(1, 3, 32, 32))
