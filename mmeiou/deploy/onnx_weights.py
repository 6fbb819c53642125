"""Weights out of an ONNX file of the contract of OpenCV's ``FaceDetectorYN``: to train on from it.

An export has lost two things that a checkpoint has: the names of the tensors, and the batch norms,
which are folded into the convolutions. The names follow from where the convolutions stand. The
norms come back as ones that change nothing; :mod:`mmeiou.functional.norm_statistics` gives them
statistics. Files in integers, of either of ONNX Runtime's formats, give the numbers that they
compute with.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from mmeiou.models.detectors import YuNet

Array = NDArray[Any]

STRIDES = (8, 16, 32)
_BRANCHES = ("cls", "bbox", "obj", "kps")
_STAGES = 5  # behind the stem, of two units each
_EPS = 1e-5  # of nn.BatchNorm2d
_PASSED = {
    *("Sigmoid", "Relu", "MaxPool", "Reshape", "Transpose", "Identity"),
    *("QuantizeLinear", "DequantizeLinear", "QLinearSigmoid"),
}
_JOINS = {"Add", "QLinearAdd"}  # of the neck


class Convolution(NamedTuple):
    """One of a graph; equal ones are the same."""

    output: str
    weight: Array
    bias: Array


def read_weights(path: str | PathLike[str]) -> dict[str, Tensor]:
    """The state dict of a ``mmeiou.YuNet`` that computes what the file does.

    Args:
        path: Outputs ``cls_8`` to ``kps_32``, one input: the authors', the OpenCV Zoo's since 2023,
            or an export of this package without NMS.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no ONNX file, or of another network, naming what is there instead.
    """
    try:
        graph = _Graph(onnx.load(path))
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise ValueError(f"{path} is no ONNX file: {error}") from error
    try:
        return {
            name: torch.from_numpy(np.array(array))  # a copy: what protobuf gives is read-only
            for name, array in _tensors(graph)
        }
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def detector_of(weights: dict[str, Tensor]) -> YuNet:
    """A detector with weights of :func:`read_weights`, of their size, in evaluation mode."""
    shared = {name.split(".")[3] for name in weights if "multi_level_share_convs.0." in name}
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    stem = shapes["backbone.model0.conv1.weight"]
    outputs = [shapes["backbone.model0.conv2.conv1.weight"][0]] + [
        shapes[f"backbone.model{stage}.conv2.conv1.weight"][0] for stage in range(1, _STAGES + 1)
    ]
    channels = ((stem[1], stem[0], outputs[0]), *pairwise(outputs))
    kps = shapes.get("bbox_head.multi_level_kps.0.conv1.weight", (0,))[0]
    cls = shapes["bbox_head.multi_level_cls.0.conv1.weight"]
    detector = YuNet(
        backbone={"type": "mmeiou.YuNetBackbone", "stage_channels": channels},
        neck={"type": "mmeiou.TFPN", "in_channels": outputs[-3:]},
        bbox_head={
            "type": "mmeiou.YuNetHead",
            "num_classes": cls[0],
            "in_channels": outputs[-1],
            "feat_channels": cls[1],
            "num_keypoints": kps // 2,
            "shared_stacked_convs": len(shared),
        },
    )
    detector.load_state_dict(weights)
    return detector.eval()


def _tensors(graph: "_Graph") -> Iterator[tuple[str, Array]]:
    """Names and values; the graph is checked on the way."""
    absent = [
        name
        for branch in _BRANCHES[:3]
        for stride in STRIDES
        if (name := f"{branch}_{stride}") not in graph.producers
    ]
    if absent:
        raise ValueError(
            f"outputs {', '.join(graph.outputs)}, but {', '.join(absent)} are needed: weights are "
            "read from files of FaceDetectorYN's contract since 2023, exported without NMS"
        )
    branches = [one for one in _BRANCHES if f"{one}_8" in graph.producers]
    trunks: dict[int, list[Convolution]] = {}
    for level, stride in enumerate(STRIDES):
        for branch in branches:
            *trunk, conv1, conv2 = graph.convolutions(f"{branch}_{stride}")
            if [one.output for one in trunk] != [
                one.output for one in trunks.setdefault(stride, trunk)
            ]:
                raise ValueError(f"{branch}_{stride} has layers that cls_{stride} has not")
            yield from _unit(f"bbox_head.multi_level_{branch}.{level}", conv1, conv2, norm=False)
    stem, *convolutions = trunks[STRIDES[-1]]
    backbone, convolutions = convolutions[: 4 * _STAGES + 2], convolutions[4 * _STAGES + 2 :]
    if len(backbone) < 4 * _STAGES + 2 or len(convolutions) < 2:  # noqa: PLR2004 - of a unit
        raise ValueError(
            f"{len(trunks[STRIDES[-1]])} convolutions before what predicts at stride "
            f"{STRIDES[-1]}, but a YuNet has {4 * _STAGES + 5} at least"
        )
    if stem.weight.shape[1:] != (3, 3, 3):
        raise ValueError(f"the first convolution is {stem.weight.shape}, expected (n, 3, 3, 3)")
    yield from _convolution("backbone.model0.conv1", stem)
    yield from _identity_norm("backbone.model0.bn1", len(stem.weight))
    names = ["backbone.model0.conv2"]
    names += [f"backbone.model{s}.conv{unit}" for s in range(1, _STAGES + 1) for unit in (1, 2)]
    yield from _units(names, backbone)
    trunks[STRIDES[-1]] = convolutions
    for level, trunk in enumerate(trunks.values()):
        shared = len(trunk) // 2 - 1
        names = [f"neck.lateral_convs.{level}"]
        names += [f"bbox_head.multi_level_share_convs.{level}.{unit}" for unit in range(shared)]
        yield from _units(names, trunk)


def _units(names: list[str], convolutions: list[Convolution]) -> Iterator[tuple[str, Array]]:
    if len(convolutions) != 2 * len(names):
        raise ValueError(
            f"{len(convolutions)} convolutions where {names[0]} is expected, in pairs of a "
            "pointwise and a depthwise one"
        )
    for name, conv1, conv2 in zip(names, convolutions[::2], convolutions[1::2], strict=True):
        yield from _unit(name, conv1, conv2, norm=True)


def _unit(
    name: str, conv1: Convolution, conv2: Convolution, *, norm: bool
) -> Iterator[tuple[str, Array]]:
    channels = len(conv1.weight)
    shapes = conv1.weight.shape[2:], conv2.weight.shape
    if shapes != ((1, 1), (channels, 1, 3, 3)):
        raise ValueError(
            f"{name}: convolutions {conv1.weight.shape} and {conv2.weight.shape}, expected a "
            "pointwise and a depthwise one of 3 x 3"
        )
    yield from _convolution(f"{name}.conv1", conv1)
    yield from _convolution(f"{name}.conv2", conv2)
    if norm:
        yield from _identity_norm(f"{name}.bn", channels)


def _convolution(name: str, given: Convolution) -> Iterator[tuple[str, Array]]:
    yield f"{name}.weight", given.weight
    yield f"{name}.bias", given.bias


def _identity_norm(name: str, channels: int) -> Iterator[tuple[str, Array]]:
    """A batch norm that changes nothing."""
    yield f"{name}.weight", np.full(channels, math.sqrt(1 + _EPS), np.float32)
    yield f"{name}.bias", np.zeros(channels, np.float32)
    yield f"{name}.running_mean", np.zeros(channels, np.float32)
    yield f"{name}.running_var", np.ones(channels, np.float32)
    yield f"{name}.num_batches_tracked", np.zeros((), np.int64)


class _Graph:
    """What produces which tensor."""

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.outputs = [output.name for output in graph.output]
        self.producers = {output: node for node in graph.node for output in node.output}
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self.inputs = {value.name for value in graph.input} - set(self.initializers)

    def convolutions(self, output: str) -> list[Convolution]:
        """Those that lead to an output without a branching, from the input or a join on."""
        found: list[Convolution] = []
        channels = slice(None)  # of the two that predict, where one pair does for all branches
        name = output
        while name not in self.inputs:
            node = self.producers.get(name)
            if node is None:
                raise ValueError(f"{output} comes from {name!r}, which nothing produces")
            if node.op_type in _JOINS:
                break
            if node.op_type in {"Conv", "QLinearConv"}:
                convolution = self._convolution(node)
                if len(found) < 2:  # noqa: PLR2004 - of the unit that predicts
                    convolution = convolution._replace(
                        weight=convolution.weight[channels], bias=convolution.bias[channels]
                    )
                found.append(convolution)
            elif node.op_type == "Split":
                channels = self._part(node, name)
            elif node.op_type not in _PASSED:
                raise ValueError(
                    f"{node.op_type} {node.name} leads to {output}: a YuNet has none"
                    + (", once batch norms are folded" if "Norm" in node.op_type else "")
                )
            name = node.input[0]
        if len(found) < 4:  # noqa: PLR2004 - a unit, and one that predicts
            raise ValueError(f"{len(found)} convolutions lead to {output}, 4 are needed at least")
        return found[::-1]

    def _convolution(self, node: onnx.NodeProto) -> Convolution:
        if node.op_type == "Conv":
            weight, *bias = (self._constant(name) for name in node.input[1:])
        else:
            scale, weight, weight_scale, zero_point = (
                self._constant(node.input[index]) for index in (1, 3, 4, 5)
            )
            weight = _dequantized(weight, weight_scale, zero_point, axis=0)
            bias = [self._constant(name) * scale * weight_scale for name in node.input[8:9]]
        given = bias[0] if bias else np.zeros(len(weight))
        return Convolution(node.output[0], weight.astype(np.float32), given.astype(np.float32))

    def _constant(self, name: str) -> Array:
        if name in self.initializers:
            return numpy_helper.to_array(self.initializers[name])
        node = self.producers.get(name)
        if node is not None and node.op_type == "Constant":
            return numpy_helper.to_array(node.attribute[0].t)
        if node is not None and node.op_type == "DequantizeLinear":
            axis = next((one.i for one in node.attribute if one.name == "axis"), 1)
            values, scale, *zero_point = (self._constant(one) for one in node.input)
            return _dequantized(values, scale, zero_point[0] if zero_point else 0, axis)
        raise ValueError(f"{name!r} is no constant, as weights and biases have to be")

    def _part(self, node: onnx.NodeProto, output: str) -> slice:
        given = next((one.ints for one in node.attribute if one.name == "split"), None)
        sizes = list(given or self._constant(node.input[1]))
        index = list(node.output).index(output)
        first = int(sum(sizes[:index]))
        return slice(first, first + int(sizes[index]))


def _dequantized(values: Array, scale: Array, zero_point: Array | int, axis: int) -> Array:
    """Numbers of integers; ``scale`` and ``zero_point`` may be of every channel."""
    shape = [1] * values.ndim
    if np.size(scale) > 1:
        shape[axis] = -1
    offsets = np.asarray(zero_point, np.int64).reshape(shape if np.size(zero_point) > 1 else ())
    return (values.astype(np.int64) - offsets) * np.asarray(scale, np.float64).reshape(shape)
