"""Quantizing a graph, and making the file small."""

import numpy as np
import onnx
import onnxruntime
import pytest

from mmeiou.apis.exported import as_batch
from mmeiou.deploy.int8 import quantize as module
from mmeiou.deploy.int8.blocks import blocks_of
from mmeiou.deploy.int8.quantize import prepare, quantize
from mmeiou.deploy.int8.slim import slim


def outputs(model: onnx.ModelProto, batch: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"input": batch})


@pytest.fixture(scope="module")
def batches(images: list[np.ndarray]) -> list[np.ndarray]:
    return [as_batch([image], (96, 64)) for image in images]


@pytest.fixture(scope="module")
def prepared(float_model: onnx.ModelProto) -> onnx.ModelProto:
    return prepare(float_model)


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def weights_of(model: onnx.ModelProto, kind: int) -> list[onnx.TensorProto]:
    return [
        tensor
        for tensor in model.graph.initializer
        if tensor.data_type == kind and len(tensor.dims) > 1
    ]


def test_outputs_stay_near(prepared: onnx.ModelProto, batches: list[np.ndarray]) -> None:
    before = prepared.SerializeToString()
    quantized = quantize(prepared, batches)
    assert prepared.SerializeToString() == before
    names = [value.name for value in quantized.graph.output]
    assert names == [value.name for value in prepared.graph.output]
    for name, one, other in zip(
        names, outputs(prepared, batches[0]), outputs(quantized, batches[0]), strict=True
    ):
        assert one.shape == other.shape
        assert 0 < np.abs(one - other).max() < 0.1 * max(1, np.abs(one).max()), name
    assert sum(np.prod(tensor.dims) for tensor in weights_of(quantized, onnx.TensorProto.INT8)) > 0
    predicting = {tuple(tensor.dims) for tensor in weights_of(quantized, onnx.TensorProto.FLOAT)}
    assert predicting == {(16, 1, 3, 3)}  # class, objectness, box, landmarks; depthwise


def test_predictions_are_not_rounded(
    prepared: onnx.ModelProto, batches: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def error() -> float:
        found = outputs(quantize(prepared, batches), batches[0])
        return sum(
            float(np.abs(one - other).mean())
            for one, other in zip(outputs(prepared, batches[0]), found, strict=True)
        )

    left_in_float = error()
    monkeypatch.setattr(module, "last_depthwise", lambda _: [])
    assert left_in_float < 0.8 * error()


def test_all_in_float_is_the_float_model(
    prepared: onnx.ModelProto, batches: list[np.ndarray]
) -> None:
    same = quantize(prepared, batches, blocks_of(prepared.graph))
    assert "QuantizeLinear" not in operators(same)
    for one, other in zip(outputs(prepared, batches[0]), outputs(same, batches[0]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_pool_left_in_float_is_scaled_apart_to_the_same_integers(
    prepared: onnx.ModelProto, batches: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_float = blocks_of(prepared.graph)[:2]
    held = quantize(prepared, batches, in_float)
    monkeypatch.setattr(module, "_hold_float_pools", lambda _: None)
    plain = quantize(prepared, batches, in_float)
    assert operators(held).count("Mul") == operators(plain).count("Mul") + 1
    before = operators(held)[: operators(held).index("Mul") + 2]
    assert before[-3:] == ["MaxPool", "Mul", "QuantizeLinear"]
    for one, other in zip(outputs(held, batches[1]), outputs(plain, batches[1]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_slim_changes_names_only(prepared: onnx.ModelProto, batches: list[np.ndarray]) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(prepared)
    twin = model.graph.initializer.add()
    twin.CopyFrom(model.graph.initializer[0])
    twin.name = "twin"
    user = next(n for n in model.graph.node if model.graph.initializer[0].name in n.input)
    user.input[list(user.input).index(model.graph.initializer[0].name)] = "twin"
    count = len(model.graph.initializer)
    slim(model)
    assert len(model.graph.initializer) < count
    assert model.ByteSize() < prepared.ByteSize()
    kept = {node.name for node in model.graph.node} - {""}
    assert kept == {node.name for node in prepared.graph.node if node.op_type == "Conv"}
    for one, other in zip(outputs(prepared, batches[0]), outputs(model, batches[0]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_quantized_model_is_refused(prepared: onnx.ModelProto, batches: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="quantized already; give the float export"):
        prepare(quantize(prepared, batches))
