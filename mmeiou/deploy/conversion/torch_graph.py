"""An exported graph as a PyTorch module, for converters that start there."""

from collections.abc import Callable, Mapping
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

Attributes = Mapping[str, Any]


def _conv(given: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    top, left, bottom, right = given["pads"]
    if (top, left) != (bottom, right):
        raise ValueError(f"a convolution's pads {given['pads']} differ between its sides")
    return functional.conv2d(
        x, weight, bias, given["strides"], (top, left), given["dilations"], given["group"]
    )


def _max_pool(given: Attributes, x: Tensor) -> Tensor:
    if any(given["pads"]):
        raise ValueError(f"a pooling's pads {given['pads']} are not zero")
    return functional.max_pool2d(x, given["kernel_shape"], given["strides"])


def _resize(_: Attributes, x: Tensor, _roi: Any, scales: list[float]) -> Tensor:
    return functional.interpolate(x, scale_factor=scales[2:], mode="nearest")


def _reshape(_: Attributes, x: Tensor, shape: list[int]) -> Tensor:
    # ONNX copies a dimension that is given as 0.
    return x.reshape([side or x.shape[axis] for axis, side in enumerate(shape)])


def _split(given: Attributes, x: Tensor, sizes: list[int] | None = None) -> tuple[Tensor, ...]:
    return torch.split(x, given["split"] if sizes is None else sizes, given["axis"])


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda _, x, y: x + y,
    "Clip": lambda _, x, low, high: x.clamp(low, high),
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Mul": lambda _, x, y: x * y,
    "Pow": lambda _, x, exponent: x**exponent,
    "Relu": lambda _, x: x.relu(),
    "Reshape": _reshape,
    "Resize": _resize,
    "Sigmoid": lambda _, x: x.sigmoid(),
    "Split": _split,
    "Transpose": lambda given, x: x.permute(given["perm"]),
}


class TorchGraph(nn.Module):
    """A YuNet's ONNX graph in PyTorch.

    Args:
        model: Of one input and the operators in :data:`OPERATORS`: an export of ours, or one of
            the authors'.

    Raises:
        ValueError: If there is another operator.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        super().__init__()
        graph = model.graph
        if unknown := sorted({node.op_type for node in graph.node} - {*OPERATORS, "Constant"}):
            raise ValueError(f"no counterpart in PyTorch for {', '.join(unknown)}")
        self.input_name = graph.input[0].name
        self.output_names = [output.name for output in graph.output]
        self.nodes = [
            (OPERATORS[node.op_type], _attributes(node), tuple(node.input), tuple(node.output))
            for node in graph.node
            if node.op_type != "Constant"
        ]
        shaping = {
            name
            for node in graph.node
            if node.op_type in {"Clip", "Pow", "Reshape", "Resize", "Split"}
            for name in node.input[1:]
        }
        constants = {tensor.name: tensor for tensor in graph.initializer}
        constants |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
        self.numbers: dict[str, Any] = {}
        self.weights: dict[str, str] = {}  # names of the buffers, by those in the graph
        for index, (name, tensor) in enumerate(constants.items()):
            array = numpy_helper.to_array(tensor)
            if name in shaping:  # a tracer must know these numbers
                self.numbers[name] = array.tolist()
            else:
                self.weights[name] = f"weight_{index}"
                self.register_buffer(self.weights[name], torch.from_numpy(array.copy()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """``(N, 3, H, W)`` to the outputs by their names."""
        values: dict[str, Any] = {**self.numbers, self.input_name: x}
        values |= {name: getattr(self, buffer) for name, buffer in self.weights.items()}
        for operator, given, inputs, outputs in self.nodes:
            found = operator(given, *(values.get(name) for name in inputs))
            values.update(
                zip(outputs, found if isinstance(found, tuple) else (found,), strict=True)
            )
        return {name: values[name] for name in self.output_names}


def _attributes(node: onnx.NodeProto) -> Attributes:
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
