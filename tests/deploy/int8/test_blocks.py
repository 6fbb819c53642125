"""Dividing a graph into blocks."""

import onnx
import pytest
from onnx import TensorProto, helper

from mmeiou.deploy.int8.blocks import blocks_of, last_depthwise, name_nodes


def test_a_block_ends_where_the_next_dense_convolution_begins() -> None:
    ones = [
        helper.make_tensor(name, TensorProto.FLOAT, dims, [1.0] * 4)
        for name, dims in {"dense": (2, 2, 1, 1), "deep": (4, 1, 1, 1)}.items()
    ]
    nodes = [
        helper.make_node("Sub", ["x", "x"], ["zero"]),
        helper.make_node("Conv", ["zero", "dense"], ["a"], "/net/stem/conv/Conv"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "deep"], ["c"], group=4),
        helper.make_node("MaxPool", ["c"], ["d"], "pool", kernel_shape=[1, 1]),
        helper.make_node("Conv", ["d", "dense"], ["e"], "last"),
        helper.make_node("Add", ["e", "b"], ["f"], "sum"),
        helper.make_node("Sigmoid", ["f"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [], [], ones)
    name_nodes(graph)
    blocks = blocks_of(graph)
    assert [block.name for block in blocks] == ["net.stem", "last"]
    assert blocks[0].nodes == ("/net/stem/conv/Conv", "Relu_2", "Conv_3", "pool")
    assert blocks[1].nodes == ("last", "sum")
    assert last_depthwise(graph) == []  # the last one is dense
    del graph.node[1:]
    with pytest.raises(ValueError, match="no dense convolution"):
        blocks_of(graph)


def test_a_depthwise_convolution_may_have_one_channel() -> None:
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, dims, [1.0] * 2)
        for name, dims in {"mixing": (1, 2, 1, 1), "deep": (1, 1, 1, 2)}.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "mixing"], ["a"], "cls/conv1/Conv"),
        helper.make_node("Conv", ["a", "deep"], ["b"], "cls/conv2/Conv"),
        helper.make_node("Sigmoid", ["b"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [], [], weights)
    assert [block.nodes for block in blocks_of(graph)] == [("cls/conv1/Conv", "cls/conv2/Conv")]
    assert last_depthwise(graph) == ["cls/conv2/Conv"]


def test_yunet_is_divided_into_its_depthwise_separable_blocks(float_model: onnx.ModelProto) -> None:
    blocks = blocks_of(float_model.graph)
    assert len(blocks) == 2 + 5 * 2 + 3 + 3 + 3  # stem, stages, neck, shared, predictors
    nodes = [node for block in blocks for node in block.nodes]
    kinds = {node.name: node.op_type for node in float_model.graph.node}
    assert len(set(nodes)) == len(nodes)
    assert set(nodes) == {
        name for name, kind in kinds.items() if kind in {"Conv", "Relu", "MaxPool", "Resize", "Add"}
    }
    assert [kinds[name] for name in blocks[1].nodes] == ["Conv", "Conv", "Relu", "MaxPool"]


def test_the_depthwise_convolutions_that_predict(float_model: onnx.ModelProto) -> None:
    names = [f"/predictors.{level}/conv2/Conv" for level in range(3)]
    assert last_depthwise(float_model.graph) == names
