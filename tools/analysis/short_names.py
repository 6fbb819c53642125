"""Names of files and folders that tell them apart, for tables and figures."""

import os
from collections.abc import Sequence
from pathlib import Path


def short_names(paths: Sequence[Path]) -> list[str]:
    """The last parts of each path, as few as tell all apart; a link has its own name.

    Raises:
        ValueError: If one is given twice.
    """
    parts = [Path(os.path.abspath(path)).parts for path in paths]  # noqa: PTH100
    for number, path in enumerate(paths):
        if parts[number] in parts[:number]:
            raise ValueError(f"{path} is given twice")
    length = 1
    while len({of[-length:] for of in parts}) < len(parts):
        length += 1
    return ["/".join(of[-length:]) for of in parts]


def model_names(models: Sequence[tuple[str, str | None]]) -> list[str]:
    """Of configs with checkpoints, or of files alone: the weights', behind the config's if need be.

    Raises:
        ValueError: If one is given twice.
    """
    weights = [Path(checkpoint or model) for model, checkpoint in models]
    if len(set(weights)) < len(weights):
        weights = [
            Path(model, *Path(os.path.abspath(file)).parts[1:])  # noqa: PTH100
            for (model, _), file in zip(models, weights, strict=True)
        ]
    return short_names(weights)
