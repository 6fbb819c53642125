"""The dataset of one's own labels: COCO's json with landmarks."""

from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset

from mmeiou.converters.coco import CocoDocument, read_document
from mmeiou.converters.problems import Problems
from mmeiou.datasets.keypoint_info import KeypointInfoMixin
from mmeiou.datasets.strict_images import StrictImagesMixin
from mmeiou.datasets.transforms.flip import FLIP_PAIRS
from mmeiou.registry import DATASETS

NUM_NUMBERS = 3  # of a landmark: x, y, v


@DATASETS.register_module()
class CocoKeypointDataset(KeypointInfoMixin, StrictImagesMixin, CocoDataset):
    """MMDetection's ``CocoDataset`` with landmarks, and names from the json itself.

    The format is that of :mod:`mmeiou.converters.coco_json`, which
    ``tools/dataset_converters/convert.py`` writes. An instance has ``bbox``, ``bbox_label``,
    ``ignore_flag`` (annotations with ``iscrowd`` or ``ignore``) and ``keypoints``: x, y, weight of
    each landmark; the weight is 1 where v > 0, else all three are 0, as they are in a box without
    landmarks. ``metainfo`` has ``classes``, ``keypoint_names`` and ``keypoint_flip_pairs``.

    Args:
        ann_file: The json, relative to ``data_root`` or absolute.
        fallback_num_keypoints: Landmarks, of weight 0, that the boxes get where the json has no
            landmarks at all: those of the head whose released weights are to be fine-tuned.
        metainfo: ``classes`` chooses and orders the classes; ``keypoint_names`` must be those of
            the json; ``keypoint_flip_pairs`` replaces those of the json.
        on_bad_image: See :class:`mmeiou.datasets.strict_images.StrictImagesMixin`.
        filter_cfg: MMDetection's; with ``filter_empty_gt=True``, images where all boxes are to be
            ignored are left out, too. Not in test mode.
        **kwargs: Those of ``CocoDataset``.

    Raises:
        ConversionError: The json is malformed; lists what is wrong.
        FileNotFoundError: The json or images are missing, before training starts.
        ValueError: The json does not fit ``metainfo``, or no image is left.
    """

    METAINFO: dict[str, Any] = {}  # noqa: RUF012 - MMEngine's class attribute; here from the json
    hint = (
        "; the shipped configs take them from the environment: MMEIOU_OWN_DATA, MMEIOU_OWN_IMAGES"
    )

    def __init__(
        self,
        ann_file: str,
        fallback_num_keypoints: int = 0,
        metainfo: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.fallback_num_keypoints = fallback_num_keypoints
        super().__init__(ann_file=ann_file, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Check the json, take its names, and let MMDetection parse it."""
        self.require_ann_file()
        problems = Problems()
        document = read_document(Path(self.ann_file), problems)
        document.check_boxes(problems)
        problems.check()
        self._metainfo.update(self._names(document))
        classes = self._metainfo["classes"]
        # By name: MMDetection numbers the classes in the order of the json.
        self.labels = {
            key: classes.index(name) for key, name in document.categories.items() if name in classes
        }
        self.num_keypoints = len(document.landmarks) or self.fallback_num_keypoints
        return self.existing(super().load_data_list())

    def _names(self, document: CocoDocument) -> dict[str, Any]:
        given = self._metainfo
        classes = tuple(given.get("classes") or document.classes)
        if absent := [name for name in classes if name not in document.classes]:
            raise ValueError(
                f"{self.ann_file} has no class {', '.join(absent)}, but {document.classes}: "
                "correct metainfo['classes'] of the dataset, or leave it out"
            )
        names = given.get("keypoint_names")
        if names is not None and tuple(names) != document.landmarks:
            raise ValueError(
                f"{self.ann_file} has the landmarks {document.landmarks}, not {tuple(names)}: "
                "correct metainfo['keypoint_names'] of the dataset, or leave it out"
            )
        pairs = given.get("keypoint_flip_pairs", document.flip_pairs)
        if pairs is None:
            pairs = FLIP_PAIRS.get(len(document.landmarks) or self.fallback_num_keypoints)
        return {
            "classes": classes,
            "keypoint_names": document.landmarks,
            "keypoint_flip_pairs": pairs,
        }

    def parse_data_info(self, raw_data_info: dict[str, Any]) -> dict[str, Any]:
        """MMDetection's, for annotations of which it leaves out none."""
        annotations = [
            {
                **one,
                "iscrowd": one.get("iscrowd") or one.get("ignore"),
                "ignore": 0,
                "area": one["bbox"][2] * one["bbox"][3],
                "segmentation": None,
            }
            for one in raw_data_info["raw_ann_info"]
            if one["category_id"] in self.labels
        ]
        info = super().parse_data_info({**raw_data_info, "raw_ann_info": annotations})
        for instance, annotation in zip(info["instances"], annotations, strict=True):
            instance["bbox_label"] = self.labels[annotation["category_id"]]
            instance["keypoints"] = self._keypoints(annotation)
        return info

    def _keypoints(self, annotation: dict[str, Any]) -> list[list[float]]:
        flat = annotation.get("keypoints") or ()
        if not flat or not self._metainfo["keypoint_names"]:
            return [[0.0, 0.0, 0.0]] * self.num_keypoints
        return [
            [float(x), float(y), 1.0] if v > 0 else [0.0, 0.0, 0.0]
            for x, y, v in zip(*(flat[i::NUM_NUMBERS] for i in range(NUM_NUMBERS)), strict=True)
        ]

    def filter_data(self) -> list[dict[str, Any]]:
        """Leave out images without boxes if asked; see ``filter_cfg``."""
        data_list = super().filter_data()
        if (self.filter_cfg or {}).get("filter_empty_gt") and not self.test_mode:
            data_list = [
                info
                for info in data_list
                if not all(instance["ignore_flag"] for instance in info["instances"])
            ]
        if not data_list:
            raise ValueError(
                f"no image of {self.ann_file} is left (filter_cfg={self.filter_cfg}, classes "
                f"{self._metainfo['classes']})"
            )
        return data_list
