"""Flipping images with boxes and landmarks."""

from collections.abc import Sequence
from typing import Any

import cv2
from mmdet.datasets.transforms import RandomFlip as MMDetRandomFlip

from mmeiou.datasets.transforms.instances import map_keypoints
from mmeiou.labels.landmarks import flip_order, flip_pairs_by_count
from mmeiou.registry import TRANSFORMS

FLIP_CODES = {"horizontal": 1, "vertical": 0, "diagonal": -1}


@TRANSFORMS.register_module()
class RandomFlip(MMDetRandomFlip):
    """MMDetection's ``RandomFlip`` that also flips ``gt_keypoints``.

    x becomes ``width - x`` and y ``height - y``, as for boxes. A mirror image (horizontal or
    vertical flip) turns a left eye into a right one, so left and right points change places; a
    diagonal flip is a rotation by 180 degrees and leaves their order alone.

    Args:
        flip_pairs: Index pairs of left and right points, each point in one pair at most. None
            takes ``keypoint_flip_pairs`` of the dataset, else (0, 1) and (3, 4) for five points
            (eyes and mouth corners). ``()`` says that no point changes places.
        **kwargs: Those of MMDetection's ``RandomFlip``: ``prob``, ``direction``.

    Raises:
        ValueError: The pairs are unknown, or do not fit the number of landmarks.
    """

    def __init__(
        self,
        flip_pairs: Sequence[tuple[int, int]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.flip_pairs = flip_pairs

    def _flip(self, results: dict[str, Any]) -> None:
        img = results["img"]
        super()._flip(results)
        direction = results["flip_direction"]
        # MMDetection's is a view of negative strides, which every copy of later pays for.
        results["img"] = cv2.flip(img, FLIP_CODES[direction])
        if "gt_keypoints" not in results:
            return
        height, width = results["img"].shape[:2]
        mirror_x, mirror_y = direction != "vertical", direction != "horizontal"
        keypoints = map_keypoints(
            results["gt_keypoints"],
            scale=(-1 if mirror_x else 1, -1 if mirror_y else 1),
            shift=(width if mirror_x else 0, height if mirror_y else 0),
        )
        if mirror_x != mirror_y:
            keypoints = keypoints[:, self._flip_order(results, keypoints.shape[1])]
        results["gt_keypoints"] = keypoints

    def _flip_order(self, results: dict[str, Any], num_keypoints: int) -> list[int]:
        pairs = self.flip_pairs
        if pairs is None:
            pairs = results.get("keypoint_flip_pairs")
        if pairs is None:
            pairs = flip_pairs_by_count(num_keypoints)
        if pairs is None:
            raise ValueError(
                f"which of the {num_keypoints} landmarks are left and right of each other? Pass "
                "flip_pairs=[(left, right), ...] to RandomFlip, or metainfo="
                "dict(keypoint_flip_pairs=...) to the dataset; flip_pairs=() if none are"
            )
        return flip_order(pairs, num_keypoints)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, flip_pairs={self.flip_pairs})"
