"""The square crop of the YuNet recipe."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes, autocast_box_type
from numpy.typing import NDArray

from mmeiou.datasets.transforms.instances import keep_instances, map_keypoints
from mmeiou.registry import TRANSFORMS

FEW = 4


@TRANSFORMS.register_module()
class RandomSquareCrop(BaseTransform):
    """Cut a random square, larger than the image or smaller, that shows a face.

    The side is a random choice of ``crop_choice`` times the image's shorter side, rounded down.
    Along an axis longer than the side the square lies anywhere inside the image; along a shorter
    one it holds the whole axis, at a random place, and what lies outside the image is filled.

    A face is kept if the centre of its box is strictly inside the square; its box is clipped to
    the square, its landmarks only move: one outside the square keeps its weight, being the place
    that a detector should extrapolate to (our reading; SCRFD's crop clips it to the border,
    where no eye or mouth is). A region to ignore stays as far as the square shows it, wherever its
    centre is: what is seen of it is not background.

    Squares are drawn until one keeps a face that is not to be ignored: up to ``num_tries`` places
    for a side, then other sides. When none does, or the image has no such face, the first square
    drawn is used, and the sample is a negative one, without faces.

    Required keys: ``img``. Modified: ``img``, ``img_shape``, and if present ``gt_bboxes``,
    ``gt_bboxes_labels``, ``gt_ignore_flags``, ``gt_keypoints``, ``homography_matrix``.

    Args:
        crop_choice: Sides as multiples of the image's shorter side.
        pad_value: Fill value outside the image.
        num_tries: Places to try for a side.
    """

    def __init__(
        self, crop_choice: Sequence[float], pad_value: float = 128, num_tries: int = 250
    ) -> None:
        if not crop_choice or min(crop_choice) <= 0:
            raise ValueError(f"crop_choice={crop_choice!r}: expected positive numbers")
        if num_tries < 1:
            raise ValueError(f"num_tries={num_tries}: expected at least 1")
        self.crop_choice = tuple(crop_choice)
        self.pad_value = pad_value
        self.num_tries = num_tries

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop everything in ``results``."""
        img = results["img"]
        boxes: NDArray[np.float32] = np.empty((0, 4), dtype=np.float32)
        if "gt_bboxes" in results:
            boxes = results["gt_bboxes"].numpy()
        centres: NDArray[np.float32] = (boxes[:, :2] + boxes[:, 2:]) / np.float32(2)
        wanted = centres
        if "gt_ignore_flags" in results:
            wanted = centres[~results["gt_ignore_flags"]]
        left, top, side = self._choose(img.shape[:2], wanted)

        results["img"] = cut_square(img, left, top, side, self.pad_value)
        results["img_shape"] = (side, side)
        if "gt_bboxes" in results:
            keep = inside(centres, np.array([[left, top]]), side)[0]
            if "gt_ignore_flags" in results:
                shown = overlaps(boxes, left, top, side)
                keep = np.where(results["gt_ignore_flags"], shown, keep)
            # In numpy at once: four calls of the box type take longer than a crop of pixels.
            shift = np.array([left, top, left, top], dtype=np.float32)
            moved = (boxes[keep] - shift).clip(0, side)
            keep_instances(results, keep)
            results["gt_bboxes"] = HorizontalBoxes(torch.from_numpy(moved))
        if "gt_keypoints" in results:
            results["gt_keypoints"] = map_keypoints(results["gt_keypoints"], shift=(-left, -top))
        translation = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]], dtype=np.float32)
        results["homography_matrix"] = translation @ results.get(
            "homography_matrix", np.eye(3, dtype=np.float32)
        )
        return results

    def _choose(
        self, img_shape: tuple[int, int], centres: NDArray[np.float32]
    ) -> tuple[int, int, int]:
        """Left, top and side of a square that holds one of the centres, if there is one."""
        height, width = img_shape
        first: tuple[int, int, int] | None = None
        for choice in np.random.permutation(self.crop_choice):  # noqa: NPY002 - seeded by MMEngine
            side = max(int(choice * min(height, width)), 1)
            corners = np.stack(
                [random_offsets(length, side, self.num_tries) for length in (width, height)], axis=1
            )
            first = first or (*corners[0].tolist(), side)
            # Nearly always one of the first few shows a face.
            for some in (corners[:FEW], corners[FEW:]):
                found = inside(centres, some, side).any(axis=1)
                if found.any():
                    return (*some[found.argmax()].tolist(), side)
        assert first is not None
        return first

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(crop_choice={self.crop_choice}, pad_value={self.pad_value}, "
            f"num_tries={self.num_tries})"
        )


def random_offsets(length: int, side: int, count: int) -> NDArray[np.int64]:
    """Places of a window of ``side`` along an axis: inside the axis, or around all of it."""
    slack = length - side
    return np.random.randint(min(slack, 0), max(slack, 0) + 1, size=count)  # noqa: NPY002 - as above


def inside(
    centres: NDArray[np.float32], corners: NDArray[np.int64], side: int
) -> NDArray[np.bool_]:
    """``(m, n)``: whether square m, given by its left top corner, strictly holds centre n."""
    offsets = centres[None] - corners[:, None]
    within = (offsets > 0) & (offsets < side)
    return within[..., 0] & within[..., 1]


def overlaps(boxes: NDArray[np.float32], left: int, top: int, side: int) -> NDArray[np.bool_]:
    """``(n,)``: whether a part of each box ``(n, 4)`` lies in a square."""
    shown = (boxes[:, :2] < (left + side, top + side)) & (boxes[:, 2:] > (left, top))
    return shown[:, 0] & shown[:, 1]


def cut_square(img: NDArray[Any], left: int, top: int, side: int, pad_value: float) -> NDArray[Any]:
    """The square of an image, filled with ``pad_value`` where it lies outside.

    A view of ``img`` if nothing of the square lies outside.
    """
    part = img[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if part.shape[:2] == (side, side):
        return part
    height, width = part.shape[:2]
    square = np.empty((side, side, *img.shape[2:]), dtype=img.dtype)
    y, x = min(max(-top, 0), side - height), min(max(-left, 0), side - width)
    square[:y] = square[y + height :] = pad_value
    rows = square[y : y + height]
    rows[:, :x] = rows[:, x + width :] = pad_value
    rows[:, x : x + width] = part
    return square
