"""Reading what MMDetection's own code passes to a module inside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def inputs_of(*modules: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what ``modules`` are called with inside the ``with`` block, call by call.

    A branch beside an existing predictor gets the same features so, without a copy of the
    ``forward`` that computes them.
    """
    seen: list[Tensor] = []

    def note(_: nn.Module, args: tuple[Any, ...]) -> None:
        seen.append(args[0])

    handles = [module.register_forward_pre_hook(note) for module in modules]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
