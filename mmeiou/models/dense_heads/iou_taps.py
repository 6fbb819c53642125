"""Reading, and adding to, what MMDetection's own code passes to a module inside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from mmeiou.models.losses.prior_area import prior_area_kwargs


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


@contextmanager
def prior_area_for(loss: nn.Module, area: Callable[[], Tensor]) -> Iterator[None]:
    """Give ``loss`` the areas of the priors in every call inside the ``with`` block.

    MMDetection's heads call their box loss without them. A loss that does not ask for them (see
    :func:`mmeiou.models.losses.prior_area.prior_area_kwargs`) is called as ever.

    Args:
        loss: The box loss.
        area: Returns the ``(n,)`` areas for the ``(n, 4)`` boxes of the call.
    """

    def add(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, **prior_area_kwargs(module, area())}

    handle = loss.register_forward_pre_hook(add, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
