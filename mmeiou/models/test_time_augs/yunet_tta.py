"""Test-time augmentation with landmarks."""

from collections.abc import Sequence
from typing import Any

import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_flip
from mmengine.config import ConfigDict
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData

from mmeiou.functional.box_voting import box_voting
from mmeiou.labels.landmarks import flip_order
from mmeiou.models.dense_heads.yunet_predictions import select_detections
from mmeiou.registry import MODELS


@MODELS.register_module()
class YuNetTTA(BaseTTAModel):
    """Detects in several resized and flipped views of an image and merges what is found.

    MMDetection's ``DetTTAModel`` for faces: landmarks are flipped back, too, a mirrored left eye
    being a right one.

    Args:
        tta_cfg: ``score_thr``, ``nms`` and, optionally, ``max_per_img`` of the merging; the
            detector's ``test_cfg`` by default.
        voting: Whether the detections that non-maximum suppression takes for one face are averaged,
            see :func:`mmeiou.functional.box_voting.box_voting`; else the one of the highest score
            is returned.
        flip_pairs: Index pairs of left and right landmarks. None takes ``keypoint_flip_pairs`` of
            the dataset, which the packer of the pipeline has to list in its ``meta_keys``.
        **kwargs: Those of MMEngine's ``BaseTTAModel``: ``module``, the detector or its config, and
            ``data_preprocessor``.
    """

    def __init__(
        self,
        tta_cfg: ConfigDict | None = None,
        voting: bool = True,
        flip_pairs: Sequence[tuple[int, int]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tta_cfg = tta_cfg or self.module.bbox_head.test_cfg
        self.voting = voting
        self.flip_pairs = flip_pairs

    def merge_preds(self, data_samples_list: Sequence[Sequence[DetDataSample]]) -> Any:
        """Merge the views of each image.

        Args:
            data_samples_list: For each image its views, predicted in pixels of the original size.

        Returns:
            For each image its first view, with the merged ``pred_instances``.

        Raises:
            ValueError: If views with landmarks are mirrored, and which of them change places is
                not known.
        """
        merged = []
        for views in data_samples_list:
            found = InstanceData.cat([self._unflipped(view) for view in views])
            found.index = torch.arange(len(found), device=found.scores.device)
            kept = select_detections(found, self.tta_cfg)
            if self.voting and len(kept):
                kept = self._box_voting(found, kept, len(views))
            del kept.index
            views[0].pred_instances = kept
            merged.append(views[0])
        return merged

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The detector's: a checkpoint of the one is a checkpoint of the other."""
        return self.module.state_dict(*args, **kwargs)

    def _box_voting(self, found: InstanceData, kept: InstanceData, num_views: int) -> InstanceData:
        fields = [name for name in ("bboxes", "keypoints") if name in found]
        values = [found[name].flatten(1) for name in fields]
        averages, kept.scores = box_voting(
            found.bboxes,
            found.scores,
            found.labels,
            torch.cat(values, dim=1),
            kept.index,
            iou_threshold=self.tta_cfg["nms"]["iou_threshold"],
            num_views=num_views,
        )
        parts = torch.split(averages, [value.shape[1] for value in values], dim=1)
        for name, average in zip(fields, parts, strict=True):
            kept[name] = average.reshape(kept[name].shape)
        return kept[kept.scores.argsort(descending=True)]

    def _unflipped(self, view: DetDataSample) -> InstanceData:
        found = view.pred_instances.clone()
        if not view.flip:
            return found
        direction = view.flip_direction
        found.bboxes = bbox_flip(found.bboxes, view.ori_shape, direction)
        if "keypoints" in found:
            height, width = view.ori_shape
            keypoints = found.keypoints.clone()
            if direction != "vertical":
                keypoints[..., 0] = width - keypoints[..., 0]
            if direction != "horizontal":
                keypoints[..., 1] = height - keypoints[..., 1]
            if direction != "diagonal":  # a rotation, which mirrors nothing
                order = flip_order(self._pairs(view), keypoints.shape[1])
                keypoints = keypoints[:, order]
            found.keypoints = keypoints
        return found

    def _pairs(self, view: DetDataSample) -> Sequence[tuple[int, int]]:
        pairs = self.flip_pairs
        if pairs is None:
            pairs = view.get("keypoint_flip_pairs")
        if pairs is None:
            raise ValueError(
                "which landmarks are left and right of each other? Pass flip_pairs=[(left, right), "
                "...] to YuNetTTA, or list 'keypoint_flip_pairs' in the meta_keys of the packer"
            )
        return pairs
