"""The dataset of one's own labels: COCO's json with landmarks."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset
from mmengine.fileio import join_path

from mmeiou.datasets.instances import LazyInstances
from mmeiou.datasets.keypoint_info import KeypointInfoMixin
from mmeiou.datasets.strict_images import StrictImagesMixin
from mmeiou.labels.errors import LabelError
from mmeiou.labels.landmarks import FlipPairs, flip_pairs_by_count
from mmeiou.labels.read import read_labels
from mmeiou.labels.records import ImageLabels, LabelSet
from mmeiou.labels.source import Source
from mmeiou.registry import DATASETS


@DATASETS.register_module()
class CocoKeypointDataset(KeypointInfoMixin, StrictImagesMixin, BaseDetDataset):
    """COCO's json with landmarks, and names from the json itself.

    The format is that of :mod:`mmeiou.labels.formats.coco`, which
    ``tools/dataset_converters/convert.py`` writes. An instance has ``bbox``, ``bbox_label``,
    ``ignore_flag`` (annotations with ``iscrowd`` or ``ignore``) and ``keypoints``: x, y, weight of
    each landmark; the weight is 1 where v > 0, else all three are 0, as they are in a box without
    landmarks. ``metainfo`` has ``classes``, ``keypoint_names`` and ``keypoint_flip_pairs``.

    In test mode, annotations are refused that MMDetection's metrics would lose without a word,
    because their ids are missing, equal or 0.

    Args:
        ann_file: The json, relative to ``data_root`` or absolute.
        fallback_num_keypoints: Landmarks, of weight 0, that the boxes get where the json has no
            landmarks at all: those of the head whose released weights are to be fine-tuned.
        metainfo: ``classes`` chooses the classes, in the order of the json, in which MMDetection's
            metrics count them; ``keypoint_names`` must be those of the json;
            ``keypoint_flip_pairs`` replaces those of the json.
        on_bad_image: See :class:`mmeiou.datasets.strict_images.StrictImagesMixin`.
        filter_cfg: ``filter_empty_gt=True`` leaves out images without a box, or with boxes to
            ignore only, ``min_size`` images of which a side is shorter. Not in test mode.
        **kwargs: Those of MMDetection's ``BaseDetDataset``, and ``path_hint`` of
            :class:`mmeiou.datasets.strict_images.StrictImagesMixin`.

    Raises:
        LabelError: The json is malformed; lists what is wrong.
        FileNotFoundError: The json or images are missing, before training starts.
        ValueError: The json does not fit ``metainfo``, or no image is left.
    """

    METAINFO: dict[str, Any] = {}  # noqa: RUF012 - MMEngine's class attribute; here from the json

    def __init__(
        self,
        ann_file: str,
        fallback_num_keypoints: int = 0,
        metainfo: dict[str, Any] | None = None,
        filter_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if unknown := set(filter_cfg or {}) - {"filter_empty_gt", "min_size"}:
            raise ValueError(f"filter_cfg has {sorted(unknown)}: not filter_empty_gt or min_size")
        self.fallback_num_keypoints = fallback_num_keypoints
        super().__init__(ann_file=ann_file, metainfo=metainfo, filter_cfg=filter_cfg, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the json, and take its names."""
        self.require_ann_file()
        source = Source(Path(self.ann_file), remedy="correct it, or convert with --drop-bad-boxes")
        labels = read_labels(source, "coco", countable=self.test_mode)
        classes = self._classes(labels.classes)
        self.num_keypoints = len(labels.landmarks) or self.fallback_num_keypoints
        self._metainfo.update(
            classes=classes,
            keypoint_names=self._landmarks(labels.landmarks),
            keypoint_flip_pairs=self._flip_pairs(labels),
        )
        return self.existing(
            [self._data_info(image) for image in labels.with_classes(classes).images]
        )

    def _classes(self, there: Sequence[str]) -> tuple[str, ...]:
        classes = tuple(self._metainfo.get("classes") or there)
        if absent := [name for name in classes if name not in there]:
            raise ValueError(
                f"{self.ann_file} has no class {', '.join(absent)}, but {tuple(there)}: correct "
                "metainfo['classes'] of the dataset, or leave it out"
            )
        in_order = tuple(name for name in there if name in classes)
        if classes != in_order:
            raise ValueError(
                f"{self.ann_file} has the classes in the order {in_order}, in which MMDetection's "
                f"metrics count them: write metainfo['classes'] so, or bring the json into yours: "
                "tools/dataset_converters/convert.py coco ... --classes " + shlex.join(classes)
            )
        return classes

    def _landmarks(self, there: tuple[str, ...]) -> tuple[str, ...]:
        names = self._metainfo.get("keypoint_names")
        if names is not None and tuple(names) != there:
            raise ValueError(
                f"{self.ann_file} has the landmarks {there}, not {tuple(names)}: "
                "correct metainfo['keypoint_names'] of the dataset, or leave it out"
            )
        return there

    def _flip_pairs(self, labels: LabelSet) -> FlipPairs | None:
        pairs = self._metainfo.get("keypoint_flip_pairs", labels.flip_pairs)
        return flip_pairs_by_count(self.num_keypoints) if pairs is None else pairs

    def _data_info(self, image: ImageLabels) -> dict[str, Any]:
        if image.size is None:
            raise LabelError("width and height are missing", image.where_image)
        weighted = image.keypoints.copy()
        weighted[..., 2] = weighted[..., 2] > 0
        width, height = image.size
        info = {
            "img_id": image.image_id,
            "img_path": join_path(self.data_prefix["img"], image.file),
            "width": width,
            "height": height,
            "instances": LazyInstances(replace(image, keypoints=weighted), self.num_keypoints),
        }
        if self.return_classes:
            info |= {
                "text": self._metainfo["classes"],
                "caption_prompt": self.caption_prompt,
                "custom_entities": True,
            }
        return info

    def filter_data(self) -> list[dict[str, Any]]:
        """Leave out images if asked; see ``filter_cfg``."""
        data_list = self.data_list
        chosen = self.filter_cfg or {}
        if not self.test_mode:
            least = chosen.get("min_size", 0)
            data_list = [
                info
                for info in data_list
                if min(info["width"], info["height"]) >= least
                and not (chosen.get("filter_empty_gt") and not info["instances"].any_countable())
            ]
        if not data_list:
            raise ValueError(
                f"no image of {self.ann_file} is left (filter_cfg={self.filter_cfg}, classes "
                f"{self._metainfo['classes']})"
            )
        return data_list
