"""The face dataset."""

import warnings
from pathlib import Path
from typing import Any, Literal, get_args

from mmdet.datasets import BaseDetDataset
from mmengine.fileio import join_path

from mmeiou.datasets.instances import LazyInstances
from mmeiou.datasets.keypoint_info import KeypointInfoMixin
from mmeiou.datasets.strict_images import StrictImagesMixin
from mmeiou.labels.errors import Problems
from mmeiou.labels.face_text import KeypointWeight
from mmeiou.labels.landmarks import flip_pairs_by_count
from mmeiou.labels.read import read_labels, recognise_format
from mmeiou.labels.records import ImageLabels
from mmeiou.labels.source import Source
from mmeiou.registry import DATASETS

FaceFormat = Literal["auto", "labelv2", "retinaface", "wider"]
BadBox = Literal["error", "drop"]


@DATASETS.register_module()
class WIDERFaceDataset(KeypointInfoMixin, StrictImagesMixin, BaseDetDataset):
    """WIDER FACE, or any faces labelled in one of its formats.

    An image's ``data_info`` has ``img_id`` (its place in the label file), ``img_path``,
    ``instances``, and ``width`` and ``height`` if the label file has them (labelv2; samplers that
    group by aspect ratio need them). ``instances`` is a
    :class:`mmeiou.datasets.instances.LazyInstances`: a list of ``{'bbox': [x1, y1, x2, y2],
    'bbox_label': 0, 'ignore_flag': 0 or 1, 'keypoints': [[x, y, weight], ...]}`` to whom reads it.

    Args:
        ann_file: Label file, relative to ``data_root`` or absolute.
        data_root: Root of label file and images.
        data_prefix: ``img`` is the folder that the paths of the label file start from.
        label_format: ``labelv2``, ``retinaface``, ``wider``, or ``auto`` to recognise it by
            content; see :mod:`mmeiou.labels.formats`.
        num_keypoints: Landmarks per face; 0 for none: the instances have no ``keypoints`` then.
        keypoint_weight: ``labelled`` or ``flag``, see
            :func:`mmeiou.labels.face_text.read_keypoints`.
        on_bad_box: A box smaller than a pixel or outside its image is an ``error``, or is left out
            (``drop``) with one warning that counts them. None means ``drop`` for WIDER's own
            files, which contain some, and ``error`` for the other formats.
        min_face_size: Faces whose shorter side is below this number of pixels are ignored.
        on_bad_image: See :class:`mmeiou.datasets.strict_images.StrictImagesMixin`.
        filter_cfg: ``dict(filter_empty_gt=True)`` leaves out images without a face, or with faces
            to ignore only, except in test mode.
        metainfo: Changes to ``METAINFO``. ``keypoint_flip_pairs`` names the left and right points
            of other landmarks than the usual five.
        **kwargs: Those of MMDetection's ``BaseDetDataset``, and ``path_hint`` of
            :class:`mmeiou.datasets.strict_images.StrictImagesMixin`.

    Raises:
        LabelError: The label file is malformed; names file and line.
        FileNotFoundError: The label file or images are missing, before training starts.
        ValueError: Unknown options, or no image is left.
    """

    METAINFO = {  # noqa: RUF012 - MMEngine's class attribute
        "classes": ("face",),
        "palette": [(0, 200, 83)],
    }

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        data_prefix: dict[str, str] | None = None,
        label_format: FaceFormat = "auto",
        num_keypoints: int = 5,
        keypoint_weight: KeypointWeight = "labelled",
        on_bad_box: BadBox | None = None,
        min_face_size: float = 0,
        filter_cfg: dict[str, bool] | None = None,
        metainfo: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if unknown := set(filter_cfg or {}) - {"filter_empty_gt"}:
            raise ValueError(f"filter_cfg has {sorted(unknown)}: only filter_empty_gt is known")
        for name, value, choices in (
            ("label_format", label_format, get_args(FaceFormat)),
            ("keypoint_weight", keypoint_weight, get_args(KeypointWeight)),
            ("on_bad_box", on_bad_box, (None, *get_args(BadBox))),
        ):
            if value not in choices:
                raise ValueError(f"{name}={value!r}: expected one of {choices}")
        self.label_format = label_format
        self.num_keypoints = num_keypoints
        self.keypoint_weight = keypoint_weight
        self.on_bad_box = on_bad_box
        self.min_face_size = min_face_size
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix={"img": "WIDER_train/images"} if data_prefix is None else data_prefix,
            filter_cfg=filter_cfg,
            metainfo={
                "num_keypoints": num_keypoints,
                "keypoint_flip_pairs": flip_pairs_by_count(num_keypoints),
                **(metainfo or {}),
            },
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the labels and find every image."""
        self.require_ann_file()
        drop = None if self.on_bad_box is None else self.on_bad_box == "drop"
        source = Source(
            Path(self.ann_file),
            problems=Problems(drop_bad_boxes=drop),
            remedy="correct it, or set on_bad_box='drop'",
        )
        found: Any = self.label_format
        if found == "auto":
            found = recognise_format(source.labels)
        if found not in get_args(FaceFormat):
            raise ValueError(
                f"{self.ann_file} is {found}: convert it with tools/dataset_converters/convert.py "
                "for mmeiou.CocoKeypointDataset"
            )
        options: dict[str, Any] = {"num_keypoints": self.num_keypoints}
        if found != "wider":
            options["keypoint_weight"] = self.keypoint_weight
        labels = read_labels(source, found, **options)
        for phrase in source.problems.left_out():
            warnings.warn(f"{self.ann_file}: {phrase}", stacklevel=2)
        return self.existing([self._data_info(i, image) for i, image in enumerate(labels.images)])

    def _data_info(self, img_id: int, image: ImageLabels) -> dict[str, Any]:
        instances = LazyInstances(image, self.num_keypoints or None)
        sides = image.bboxes[:, 2:] - image.bboxes[:, :2]
        instances.ignore = image.ignore | (
            sides.min(axis=1, initial=float("inf")) < self.min_face_size
        )
        info: dict[str, Any] = {
            "img_id": img_id,
            "img_path": join_path(self.data_prefix["img"], image.file),
            "instances": instances,
        }
        if image.size is not None:
            info["width"], info["height"] = image.size
        return info

    def filter_data(self) -> list[dict[str, Any]]:
        """Leave out images without faces if asked; see ``filter_cfg``."""
        data_list = self.data_list
        if (self.filter_cfg or {}).get("filter_empty_gt") and not self.test_mode:
            data_list = [info for info in data_list if info["instances"].any_countable()]
            if not data_list:
                raise ValueError(
                    f"no image of {self.ann_file} has a face that is not ignored (min_face_size="
                    f"{self.min_face_size}); filter_cfg=dict(filter_empty_gt=True) leaves none"
                )
        return data_list
