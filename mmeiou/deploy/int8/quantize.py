"""A graph with some of its blocks in eight-bit integers."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
from numpy.typing import NDArray
from onnxruntime import quantization

from mmeiou.deploy.int8.blocks import OPERATORS, Block, last_depthwise, name_nodes
from mmeiou.deploy.int8.slim import slim

OPSET = 13  # the first with a scale for each channel

Batch = NDArray[np.float32]


class _Reader(quantization.CalibrationDataReader):
    def __init__(self, name: str, batches: Sequence[Batch]) -> None:
        self.feeds: Iterator[dict[str, Batch]] = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, Batch] | None:
        """The next input, None after the last."""
        return next(self.feeds, None)


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether some of it is in integers."""
    return any(node.op_type in {"QuantizeLinear", "QLinearConv"} for node in model.graph.node)


def prepare(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that the quantizer takes: of a recent opset, its nodes named.

    Raises:
        ValueError: If the model is quantized already.
    """
    if is_quantized(model):
        raise ValueError("the model is quantized already; give the float export")
    if max(item.version for item in model.opset_import if not item.domain) < OPSET:
        model = onnx.version_converter.convert_version(model, OPSET)
    prepared = onnx.ModelProto()
    prepared.CopyFrom(model)
    name_nodes(prepared.graph)
    return prepared


def quantize(
    model: onnx.ModelProto, batches: Sequence[Batch], in_float: Collection[Block] = ()
) -> onnx.ModelProto:
    """Quantize statically: weights int8 by output channel, activations uint8 by tensor.

    ONNX Runtime has fast kernels on x86 for this pair of types. The range of an activation is the
    moving average of its extremes over the batches. Names are shortened, see
    :func:`mmeiou.deploy.int8.slim.slim`.

    The depthwise convolutions that predict stay in float. What they give are scores, boxes and
    landmarks, of very different ranges, which one scale for all would round too far; and depthwise
    convolutions are no faster in integers.

    Args:
        model: From :func:`prepare`.
        batches: Inputs to calibrate with, at least one.
        in_float: Blocks to leave alone.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        options: dict[str, Any] = {
            "quant_format": quantization.QuantFormat.QDQ,
            "op_types_to_quantize": list(OPERATORS),
            "per_channel": True,
            "activation_type": quantization.QuantType.QUInt8,
            "weight_type": quantization.QuantType.QInt8,
            "nodes_to_exclude": [
                *last_depthwise(model.graph),
                *(node for block in in_float for node in block.nodes),
            ],
            "calibrate_method": quantization.CalibrationMethod.MinMax,
            "extra_options": {"CalibMovingAverage": True},
        }
        source = onnx.ModelProto()
        source.CopyFrom(model)  # the quantizer changes what it is given
        reader = _Reader(model.graph.input[0].name, batches)
        quantization.quantize_static(source, path, reader, **options)
        quantized = onnx.load(path)
    _hold_float_pools(quantized.graph)
    slim(quantized)
    onnx.checker.check_model(quantized)
    return quantized


def _hold_float_pools(graph: onnx.GraphProto) -> None:
    """Keep ONNX Runtime from pooling in bytes what was left in float.

    It moves a QuantizeLinear in front of a MaxPool, where its kernel for bytes in NCHW takes ten
    times as long as the one for floats. Scaling in a node of its own, before a QuantizeLinear of
    scale 1, gives the same integers and is not moved.
    """
    integers = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    pooled = {
        node.output[0]
        for node in graph.node
        if node.op_type == "MaxPool" and node.input[0] not in integers
    }
    values = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] in pooled:
            source, scale = node.input[0], onnx.numpy_helper.to_array(values[node.input[1]])
            scaled, factor, one = (f"{source}_{part}" for part in ("scaled", "factor", "one"))
            for name, value in ((factor, 1 / scale), (one, np.ones_like(scale))):
                tensor = onnx.numpy_helper.from_array(np.asarray(value, scale.dtype), name)
                graph.initializer.append(tensor)
            nodes.append(onnx.helper.make_node("Mul", [source, factor], [scaled], f"{source}_mul"))
            node.input[0], node.input[1] = scaled, one
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
