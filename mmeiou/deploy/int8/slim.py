"""Small files: short names, nothing twice.

No library does this: of INT8 YuNet_n's 192 kB this leaves 126, onnxslim 0.1 188, onnxoptimizer 0.4
176, and ONNX Runtime's optimizer 138, with operators of its own, or 204 without.
"""

from collections.abc import Iterator
from itertools import count

import onnx


def slim(model: onnx.ModelProto) -> None:
    """Shorten the names inside a graph and keep one copy of equal constants.

    Inputs and outputs keep their names, and so do convolutions, that a profile may be read. What
    is computed does not change.
    """
    graph = model.graph
    _share_constants(graph)
    fixed = {value.name for value in (*graph.input, *graph.output)}
    short: dict[str, str] = {"": ""}
    numbers = count()
    for name in _tensors(graph):
        if name not in short:
            short[name] = name if name in fixed else f"_{next(numbers):x}"
    for node in graph.node:
        node.input[:] = [short[name] for name in node.input]
        node.output[:] = [short[name] for name in node.output]
        node.doc_string = ""
        if node.op_type != "Conv":
            node.name = ""
    for tensor in graph.initializer:
        tensor.name = short[tensor.name]
    del graph.value_info[:]
    del graph.quantization_annotation[:]


def _tensors(graph: onnx.GraphProto) -> Iterator[str]:
    for tensor in graph.initializer:
        yield tensor.name
    for node in graph.node:
        yield from node.input
        yield from node.output


def _share_constants(graph: onnx.GraphProto) -> None:
    kept: dict[tuple[int, tuple[int, ...], bytes], onnx.TensorProto] = {}
    same: dict[str, str] = {}
    for tensor in graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        first = kept.setdefault((tensor.data_type, array.shape, array.tobytes()), tensor)
        same[tensor.name] = first.name
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    used = {name for node in graph.node for name in node.input}
    constants = [tensor for tensor in kept.values() if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(constants)
