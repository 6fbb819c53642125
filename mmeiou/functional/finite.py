"""What of a set of tensors is NaN or infinite."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no number is NaN or infinite; waits for the device."""
    return bool(torch.stack([one.isfinite().all() for one in tensors]).all())


def squares_finite(tensors: Sequence[Tensor]) -> Tensor:
    """Whether all numbers are finite and, of each tensor, the sum of their squares is.

    As fast as a sum, and neither waits for the device nor allocates.

    Args:
        tensors: At least one, dense, of floats, on one device.

    Returns:
        A boolean scalar.
    """
    # Squares of float16 would overflow where the numbers are fine.
    wide = [one.float() if one.dtype == torch.float16 else one for one in tensors]
    norms = torch._foreach_norm([one for one in wide if one.numel()] or wide[:1])  # noqa: SLF001
    # Accumulated in double precision, a norm is finite where its square in its own type is not.
    return torch.stack([norm < torch.finfo(norm.dtype).max ** 0.5 for norm in norms]).all()


def nonfinite_names(tree: Any, name: str = "") -> Iterator[str]:
    """Names of the tensors with a number that is NaN or infinite.

    Args:
        tree: Tensors in dicts, lists and tuples, as a state dict is; anything else has none.
        name: Of the tree itself; keys and positions follow it, joined by dots.
    """
    if isinstance(tree, Tensor):
        if tree.is_floating_point() and not tree.isfinite().all():
            yield name
        return
    parts: Any = ()
    if isinstance(tree, dict):
        parts = tree.items()
    elif isinstance(tree, (list, tuple)):
        parts = enumerate(tree)
    for key, part in parts:
        yield from nonfinite_names(part, f"{name}.{key}" if name else str(key))


def require_finite(state: Any, meant: Any = None) -> None:
    """Look for numbers that are NaN or infinite.

    Args:
        state: Tensors, in dicts and lists.
        meant: The like; what is not finite there, as a mask is, need not be.

    Raises:
        ValueError: Naming the first tensors that have such numbers.
    """
    bad = list(nonfinite_names(state))
    if bad and (bad := [key for key in bad if key not in set(nonfinite_names(meant))]):
        raise ValueError(
            f"the checkpoint has numbers that are not finite, in {listed(bad)}: its training "
            "diverged before it was saved. Take an earlier one"
        )


def listed(names: Sequence[str], shown: int = 3) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
