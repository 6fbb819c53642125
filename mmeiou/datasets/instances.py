"""The faces of an image, kept as arrays until somebody asks for dicts."""

from collections.abc import Iterable, MutableSequence
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

Instance = dict[str, Any]


class FaceArrays(NamedTuple):
    """The labels of n faces.

    Attributes:
        boxes: ``(n, 4)`` float32, x1 y1 x2 y2 in pixels.
        ignore: ``(n,)`` bool.
        keypoints: ``(n, K, 3)`` float32, x y weight; None where landmarks are not loaded.
    """

    boxes: NDArray[np.float32]
    ignore: NDArray[np.bool_]
    keypoints: NDArray[np.float32] | None


class FaceInstances(MutableSequence[Instance]):  # noqa: PLW1641 - unhashable, like a list
    """MMDetection's list of ``instances``, made of arrays when it is first looked into.

    A crowd has hundreds of faces, and a training sample needs none of their dicts. Reads, writes
    and compares like the list ``[{'bbox': [x1, y1, x2, y2], 'bbox_label': 0, 'ignore_flag': 0 or
    1, 'keypoints': [[x, y, weight], ...]}, ...]``.

    Args:
        arrays: The faces.
    """

    def __init__(self, arrays: FaceArrays) -> None:
        self._arrays = arrays
        self._dicts: list[Instance] | None = None

    @property
    def arrays(self) -> FaceArrays | None:
        """Not to be written to; None once the dicts were given out, which may have changed."""
        return self._arrays if self._dicts is None else None

    def any_countable(self) -> bool:
        """Whether there is a face that is not to be ignored."""
        if self._dicts is None:
            return not bool(self._arrays.ignore.all())
        return not all(instance["ignore_flag"] for instance in self._dicts)

    @property
    def dicts(self) -> list[Instance]:
        """The list."""
        if self._dicts is None:
            boxes, ignore, keypoints = self._arrays
            self._dicts = [
                {"bbox": box, "bbox_label": 0, "ignore_flag": flag}
                for box, flag in zip(boxes.tolist(), ignore.astype(int).tolist(), strict=True)
            ]
            if keypoints is not None:
                for instance, points in zip(self._dicts, keypoints.tolist(), strict=True):
                    instance["keypoints"] = points
        return self._dicts

    def __len__(self) -> int:
        return len(self._arrays.boxes if self._dicts is None else self._dicts)

    @overload
    def __getitem__(self, index: int) -> Instance: ...

    @overload
    def __getitem__(self, index: slice) -> list[Instance]: ...

    def __getitem__(self, index: int | slice) -> Instance | list[Instance]:
        return self.dicts[index]

    @overload
    def __setitem__(self, index: int, value: Instance) -> None: ...

    @overload
    def __setitem__(self, index: slice, value: Iterable[Instance]) -> None: ...

    def __setitem__(self, index: Any, value: Any) -> None:
        self.dicts[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self.dicts[index]

    def insert(self, index: int, value: Instance) -> None:
        """Insert an instance before ``index``."""
        self.dicts.insert(index, value)

    def __eq__(self, other: object) -> bool:
        return self.dicts == (other.dicts if isinstance(other, FaceInstances) else other)

    def __repr__(self) -> str:
        return repr(self.dicts)
