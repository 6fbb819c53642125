"""A config's text is formatted once.

MMEngine formats it anew for the log, the work folder, the message hub and the visualizer: of one
config four times the same text, a fifth of a second each.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any

KEPT = 4
"""Texts that are remembered, the newest."""


def install(yapf_api: Any) -> None:
    """Let ``yapf.yapflib.yapf_api.FormatCode`` remember what it returned."""
    yapf_api.FormatCode = remembering(yapf_api.FormatCode)


def remembering(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a text and options, which need not be hashable; it must have no effects."""
    known: OrderedDict[str, Any] = OrderedDict()

    @wraps(function)
    def remembered(*args: Any, **options: Any) -> Any:
        key = repr((args, sorted(options.items())))
        if key not in known:
            known[key] = function(*args, **options)
            if len(known) > KEPT:
                known.popitem(last=False)
        return known[key]

    return remembered
