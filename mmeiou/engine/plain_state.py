"""What a training keeps in plain attributes of hooks and modules, and MMEngine in no checkpoint."""

from collections.abc import Iterator
from typing import Any, TypeGuard

from mmengine.runner import Runner

# Attributes that change as a training goes on, by the class that has them.
_CHANGING = {
    "EarlyStoppingHook": ("wait_count", "best_score"),  # MMEngine
    "BatchSyncRandomResize": ("_input_size",),  # MMDetection
}
_NUMBER = (bool, int, float, type(None))

State = dict[str, list[list[Any]]]


def plain_state(runner: Runner) -> State:
    """Values of those attributes, of all objects of a class in their order."""
    return {
        name: [[_plain(getattr(one, key)) for key in _CHANGING[name]] for one in objects]
        for name, objects in _objects(runner).items()
    }


def restore(runner: Runner, saved: Any) -> list[str]:
    """Set those attributes.

    Args:
        runner: With the hooks and modules of the one that saved.
        saved: What :func:`plain_state` gave, or anything else that a checkpoint has in its place.

    Returns:
        Names of classes of which ``saved`` has nothing that fits: their objects begin anew.
    """
    anew = []
    for name, objects in _objects(runner).items():
        keys = _CHANGING[name]
        values = saved.get(name) if isinstance(saved, dict) else None
        if not _fits(values, len(objects), len(keys)):
            anew.append(name)
            continue
        for one, row in zip(objects, values, strict=True):
            for key, value in zip(keys, row, strict=True):
                setattr(one, key, value)
    return anew


def _objects(runner: Runner) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for one in (*runner.hooks, *runner.model.modules()):
        for name in _known(one):
            found.setdefault(name, []).append(one)
    return found


def _known(one: object) -> Iterator[str]:
    return (kind.__name__ for kind in type(one).__mro__ if kind.__name__ in _CHANGING)


def _plain(value: Any) -> Any:
    """A metric may be a number of NumPy's or a tensor."""
    return value.item() if hasattr(value, "item") else value


def _fits(values: Any, rows: int, columns: int) -> TypeGuard[list[list[Any]]]:
    return (
        isinstance(values, list)
        and len(values) == rows
        and all(isinstance(row, list) and len(row) == columns for row in values)
        and all(_is_plain(value) for row in values for value in row)
    )


def _is_plain(value: Any) -> bool:
    return all(isinstance(one, _NUMBER) for one in (value if isinstance(value, tuple) else [value]))
