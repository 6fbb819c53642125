from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from mmeiou.engine import CompileHook


class Layer(nn.Module):
    """PyTorch compiles no module that is all its own."""

    def __init__(self, channels: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(*channels, 1)

    def forward(self, x: torch.Tensor) -> Any:
        return self.conv(x).relu()


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(Layer((3, 4)), Layer((4, 4)))
        self.neck = Layer((4, 2))
        self.head = Layer((2, 1))

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.neck(self.backbone(x)))


def test_the_named_modules_are_compiled_and_the_state_keeps_its_keys() -> None:
    torch.manual_seed(0)
    model, image, seen = Detector(), torch.rand(1, 3, 4, 4), []
    keys, expected = list(model.state_dict()), model(image)

    def backend(graph: torch.fx.GraphModule, _: Any) -> Any:
        calls = [node for node in graph.graph.nodes if node.op not in {"placeholder", "output"}]
        seen.append(len(calls))
        return graph.forward

    CompileHook(backend=backend).before_train(SimpleNamespace(model=model))
    torch.testing.assert_close(model(image), expected)
    assert seen  # a convolution and a ReLU of each layer, but not the head's
    assert sum(seen) == 3 * 2
    assert list(model.state_dict()) == keys


def test_an_unknown_module_is_named() -> None:
    with pytest.raises(AttributeError, match="Detector has no module 'nek', only backbone, neck"):
        CompileHook(modules=["nek"]).before_train(SimpleNamespace(model=Detector()))
