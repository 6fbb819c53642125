"""Blocks of layers, each of them in integers or in float as a whole."""

from typing import NamedTuple

import onnx

OPERATORS = ("Conv", "Relu", "MaxPool", "Resize", "Add")  # what is quantized


class Block(NamedTuple):
    """A dense convolution and all that follows up to the next one: for YuNet, a DP unit."""

    name: str
    nodes: tuple[str, ...]
    """Names of the nodes."""


def name_nodes(graph: onnx.GraphProto) -> None:
    """Give a name to the nodes without one; blocks and the quantizer go by names."""
    for index, node in enumerate(graph.node):
        node.name = node.name or f"{node.op_type}_{index}"


def blocks_of(graph: onnx.GraphProto) -> list[Block]:
    """Divide what can be quantized into blocks, in the order of execution.

    Args:
        graph: Its nodes have names.

    Raises:
        ValueError: If there is no dense convolution.
    """
    dims = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    block_of: dict[str, int] = {}  # of the tensors
    names: list[str] = []
    members: list[list[str]] = []
    for node in graph.node:
        if node.op_type == "Conv" and _is_dense(node, dims):
            block_of[node.output[0]] = len(names)
            names.append(_short(node.name))
            members.append([node.name])
        elif node.op_type in OPERATORS and node.input[0] in block_of:
            block = block_of[node.output[0]] = block_of[node.input[0]]
            members[block].append(node.name)
    if not names:
        raise ValueError("the graph has no dense convolution: nothing to quantize")
    return [Block(name, tuple(nodes)) for name, nodes in zip(names, members, strict=True)]


def last_depthwise(graph: onnx.GraphProto) -> list[str]:
    """Names of the depthwise convolutions after which nothing is quantized: those that predict.

    Args:
        graph: Its nodes have names.
    """
    dims = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    continued = {name for node in graph.node if node.op_type in OPERATORS for name in node.input}
    return [
        node.name
        for node in graph.node
        if node.op_type == "Conv" and not _is_dense(node, dims) and node.output[0] not in continued
    ]


def _is_dense(node: onnx.NodeProto, dims: dict[str, tuple[int, ...]]) -> bool:
    """Whether channels are mixed: not in a convolution of one channel, which has a single group."""
    groups = next((item.i for item in node.attribute if item.name == "group"), 1)
    return dims.get(node.input[1], (0, 0))[:2] != (groups, 1)


def _short(name: str) -> str:
    """``/backbone/model0/conv2/conv1/Conv`` is ``backbone.model0.conv2``."""
    path = name.strip("/").split("/")
    return ".".join(path[:-2] if len(path) > 2 else path)  # noqa: PLR2004 - module, layer, operator
