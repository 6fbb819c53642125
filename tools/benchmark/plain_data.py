"""YuNet's augmentations written with MMCV's and MMDetection's transforms, to compare with.

What these lack, landmarks and the square crop, is added in their style: every step makes its array
anew, boxes and landmarks of an image are handled together. The places of the crops are drawn as in
mmeiou, so that both make the same samples from the same seed.
"""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmdet.datasets import BaseDetDataset
from mmdet.datasets.transforms import LoadAnnotations, PackDetInputs, RandomFlip, Resize
from mmdet.structures.bbox import autocast_box_type

from mmeiou.datasets import WIDERFaceDataset
from mmeiou.datasets.transforms import RandomSquareCrop

FLIPPED = [1, 0, 2, 4, 3]


class PlainDataset(BaseDetDataset):
    """The samples of a face dataset as MMDetection's datasets keep them: a dict for each face."""

    METAINFO = WIDERFaceDataset.METAINFO

    def __init__(self, faces: WIDERFaceDataset, **kwargs: Any) -> None:
        self.faces = faces
        super().__init__(**kwargs)
        del self.faces

    def load_data_list(self) -> list[dict[str, Any]]:
        """What the face dataset has, filtered already."""
        infos = [self.faces.get_data_info(index) for index in range(len(self.faces))]
        return [{**info, "instances": list(info["instances"])} for info in infos]


class PlainLoadAnnotations(LoadAnnotations):
    """Boxes, labels, and landmarks face by face."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load from ``instances``."""
        results = super().transform(results)
        keypoints = [instance["keypoints"] for instance in results["instances"]]
        results["gt_keypoints"] = np.array(keypoints, np.float32).reshape(-1, len(FLIPPED), 3)
        return results


class PlainSquareCrop(BaseTransform):
    """Cuts the square out of a filled canvas."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.places = RandomSquareCrop(**options)

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop image, boxes and landmarks."""
        img, boxes, ignore = results["img"], results["gt_bboxes"], results["gt_ignore_flags"]
        centres = boxes.centers.numpy()
        left, top, side = self.places._choose(img.shape[:2], centres[~ignore])  # noqa: SLF001
        height, width = img.shape[:2]
        canvas = np.full((side, side, 3), self.options["pad_value"], dtype=img.dtype)
        x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
        canvas[y1 - top : y2 - top, x1 - left : x2 - left] = img[y1:y2, x1:x2]
        results["img"], results["img_shape"] = canvas, (side, side)

        corner = np.array([left, top])
        keep = ((centres > corner) & (centres < corner + side)).all(axis=1)
        xyxy = boxes.numpy()
        shown = ((xyxy[:, :2] < corner + side) & (xyxy[:, 2:] > corner)).all(axis=1)
        keep = np.where(ignore, shown, keep)
        boxes.translate_((-left, -top))
        boxes.clip_((side, side))
        results["gt_bboxes"] = boxes[keep]
        results["gt_bboxes_labels"] = results["gt_bboxes_labels"][keep]
        results["gt_ignore_flags"] = ignore[keep]
        keypoints = results["gt_keypoints"][keep]
        keypoints[..., :2] -= corner
        keypoints[keypoints[..., 2] == 0] = 0
        results["gt_keypoints"] = keypoints
        return results


class PlainResize(Resize):
    """Boxes and landmarks."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize everything."""
        results = super().transform(results)
        results["gt_keypoints"][..., :2] *= results["scale_factor"]
        return results


class PlainFlip(RandomFlip):
    """Boxes and landmarks, horizontally."""

    def _flip(self, results: dict[str, Any]) -> None:
        super()._flip(results)
        keypoints = results["gt_keypoints"][:, FLIPPED]
        keypoints[..., 0] = results["img"].shape[1] - keypoints[..., 0]
        keypoints[keypoints[..., 2] == 0] = 0
        results["gt_keypoints"] = keypoints


class PlainPack(PackDetInputs):
    """Landmarks as well."""

    mapping_table = {**PackDetInputs.mapping_table, "gt_keypoints": "keypoints"}  # noqa: RUF012


def plain_pipeline(
    crop: dict[str, Any], scale: tuple[int, int], to_float32: bool
) -> list[BaseTransform]:
    """Load, crop, resize, flip, pack.

    Args:
        crop: Options of the square crop.
        scale: Width and height of the samples.
        to_float32: Convert to floats after decoding, as YuNet's authors do.
    """
    return [
        MMCVLoadImageFromFile(to_float32=to_float32),
        PlainLoadAnnotations(with_bbox=True),
        PlainSquareCrop(**crop),
        PlainResize(scale=scale, keep_ratio=False),
        PlainFlip(prob=0.5),
        PlainPack(),
    ]
