"""Dividing a graph into units."""

import onnx
import pytest
from onnx import TensorProto, helper

from mmeiou.deploy.int8.units import name_nodes, units_of


def test_a_unit_ends_where_the_next_dense_convolution_begins() -> None:
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
    units = units_of(graph)
    assert [unit.name for unit in units] == ["net.stem", "last"]
    assert units[0].nodes == ("/net/stem/conv/Conv", "Relu_2", "Conv_3", "pool")
    assert units[1].nodes == ("last", "sum")
    del graph.node[1:]
    with pytest.raises(ValueError, match="no dense convolution"):
        units_of(graph)


def test_yunet_is_divided_into_its_depthwise_separable_units(float_model: onnx.ModelProto) -> None:
    units = units_of(float_model.graph)
    assert len(units) == 2 + 5 * 2 + 3 + 3 + 3  # stem, stages, neck, shared, predictors
    nodes = [node for unit in units for node in unit.nodes]
    kinds = {node.name: node.op_type for node in float_model.graph.node}
    assert len(set(nodes)) == len(nodes)
    assert set(nodes) == {
        name for name, kind in kinds.items() if kind in {"Conv", "Relu", "MaxPool", "Resize", "Add"}
    }
    assert [kinds[name] for name in units[1].nodes] == ["Conv", "Conv", "Relu", "MaxPool"]
