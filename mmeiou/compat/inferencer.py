"""MMDetection 3.3.0's ``DetInferencer`` knows the loader of a pipeline by its bare name only.

It replaces the loader by one that also takes arrays. onedl's MMDetection ignores the scope.
"""

from typing import Any


def install(det_inferencer: Any) -> None:
    """Let ``mmeiou.LoadImageFromFile`` be found, too.

    Args:
        det_inferencer: The module ``mmdet.apis.det_inferencer``.
    """
    inferencer = det_inferencer.DetInferencer
    find = inferencer._get_transform_idx  # noqa: SLF001

    def find_unscoped(self: Any, pipeline: Any, name: Any) -> int:
        return find(self, [{**step, "type": _unscoped(step["type"])} for step in pipeline], name)

    inferencer._get_transform_idx = find_unscoped  # noqa: SLF001


def _unscoped(kind: Any) -> Any:
    return kind.removeprefix("mmeiou.") if isinstance(kind, str) else kind
