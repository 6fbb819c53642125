"""onedl's MMDetection remarks, at every import, on optional packages that nothing asked for.

"Could not import OneDL" is meant for debugging, but printed for want of a logger. "faster_coco_eval
is not installed, metrics will not be computed" concerns ``FasterCocoMetric`` alone: that metric
says it when it is built instead. The original MMDetection has neither.
"""

import warnings
from collections.abc import Callable
from typing import Any, NoReturn

import wrapt

_PRINTED = "Could not import OneDL. Skipping OneDL datasets."
_WARNED = "faster_coco_eval is not installed"


def install(_mmdet: Any) -> None:
    """Drop the two remarks of what MMDetection imports from here on, and nothing else."""
    warnings.filterwarnings("ignore", message=_WARNED, category=UserWarning)
    wrapt.wrap_function_wrapper("mmengine.logging", "print_log", _unless_known)


def demand_package(faster_coco_metric: Any) -> None:
    """Let the metric refuse to be built without the package that it needs.

    Args:
        faster_coco_metric: The module ``mmdet.evaluation.metrics.faster_coco_metric``.
    """
    if faster_coco_metric.COCO is None:
        faster_coco_metric.FasterCocoMetric.__init__ = _refuse


def _unless_known(
    print_log: Callable[..., None], _instance: object, args: tuple[Any, ...], options: Any
) -> None:
    if args[:1] != (_PRINTED,):
        print_log(*args, **options)


def _refuse(*_args: object, **_options: object) -> NoReturn:
    raise ImportError(
        f"{_WARNED}, which FasterCocoMetric needs: pip install faster-coco-eval, or use CocoMetric"
    )
