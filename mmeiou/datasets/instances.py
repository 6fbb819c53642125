"""The boxes of an image, kept as arrays until somebody asks for dicts."""

from collections.abc import Iterable, MutableSequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mmeiou.labels.records import ImageLabels

Instance = dict[str, Any]


class LazyInstances(MutableSequence[Instance]):  # noqa: PLW1641 - unhashable, like a list
    """MMDetection's list of ``instances``, made of arrays when it is first looked into.

    A crowd has hundreds of faces, and a training sample needs none of their dicts. Reads, writes
    and compares like the list ``[{'bbox': [x1, y1, x2, y2], 'bbox_label': 0, 'ignore_flag': 0 or
    1, 'keypoints': [[x, y, weight], ...]}, ...]``.

    Args:
        image: The record.
        num_keypoints: Landmarks of a box; where the record has none, of weight 0. None leaves
            them out.

    Raises:
        ValueError: The record has another number of landmarks.

    Attributes:
        bboxes: (n, 4) float32 x1 y1 x2 y2 in pixels.
        labels: (n,) int64.
        ignore: (n,) bool.
        keypoints: (n, K, 3) float32 x y weight; None where they are left out.
        untouched: Whether the arrays are still what the list says; they are not to be written to.
    """

    keypoints: NDArray[np.float32] | None

    def __init__(self, image: ImageLabels, num_keypoints: int | None = None) -> None:
        self.bboxes = image.bboxes.astype(np.float32)
        self.labels = image.labels
        self.ignore = image.ignore
        self.keypoints = None
        if num_keypoints is not None:
            shape = (len(image), num_keypoints, 3)
            given = image.keypoints if image.keypoints.shape[1] else np.zeros(shape)
            if given.shape != shape:
                raise ValueError(f"{given.shape[1]} landmarks of {image.file}, not {num_keypoints}")
            self.keypoints = given.astype(np.float32)
        self._dicts: list[Instance] | None = None

    @property
    def untouched(self) -> bool:
        """Whether no dicts were given out, which may have changed."""
        return self._dicts is None

    def any_countable(self) -> bool:
        """Whether there is a box that is not to be ignored."""
        if self._dicts is None:
            return not bool(self.ignore.all())
        return not all(instance["ignore_flag"] for instance in self._dicts)

    @property
    def dicts(self) -> list[Instance]:
        """The list."""
        if self._dicts is None:
            columns = (self.bboxes, self.labels, self.ignore.astype(int))
            self._dicts = [
                {"bbox": bbox, "bbox_label": label, "ignore_flag": flag}
                for bbox, label, flag in zip(*(part.tolist() for part in columns), strict=True)
            ]
            if self.keypoints is not None:
                for instance, points in zip(self._dicts, self.keypoints.tolist(), strict=True):
                    instance["keypoints"] = points
        return self._dicts

    def __len__(self) -> int:
        return len(self.bboxes if self._dicts is None else self._dicts)

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
        return self.dicts == (other.dicts if isinstance(other, LazyInstances) else other)

    def __repr__(self) -> str:
        return repr(self.dicts)
