"""The face dataset."""

from typing import Any, Literal

from mmdet.datasets import BaseDetDataset
from mmengine.fileio import join_path

from mmeiou.datasets.instances import FaceArrays, FaceInstances
from mmeiou.datasets.keypoint_info import KeypointInfoMixin
from mmeiou.datasets.readers import FaceLabel, read_face_labels
from mmeiou.datasets.readers.face_label import BadBox, KeypointWeight
from mmeiou.datasets.strict_images import StrictImagesMixin
from mmeiou.datasets.transforms.flip import FLIP_PAIRS
from mmeiou.registry import DATASETS


@DATASETS.register_module()
class WIDERFaceDataset(KeypointInfoMixin, StrictImagesMixin, BaseDetDataset):
    """WIDER FACE, or any faces labelled in one of its formats.

    An image's ``data_info`` has ``img_id`` (its place in the label file), ``img_path``,
    ``instances``, and ``width`` and ``height`` if the label file has them (labelv2; samplers that
    group by aspect ratio need them). ``instances`` is a
    :class:`mmeiou.datasets.instances.FaceInstances`: a list of ``{'bbox': [x1, y1, x2, y2],
    'bbox_label': 0, 'ignore_flag': 0 or 1, 'keypoints': [[x, y, weight], ...]}`` to whom reads it.

    Args:
        ann_file: Label file, relative to ``data_root`` or absolute.
        data_root: Root of label file and images.
        data_prefix: ``img`` is the folder that the paths of the label file start from.
        label_format: ``labelv2``, ``retinaface``, ``wider`` or ``auto``; this and the three below
            as in :func:`mmeiou.datasets.readers.read_face_labels`.
        num_keypoints: Landmarks per face; 0 for none: the instances have no ``keypoints`` then.
        keypoint_weight: ``labelled`` or ``flag``.
        on_bad_box: ``error`` or ``drop``; None leaves it to the format.
        min_face_size: Faces whose shorter side is below this number of pixels are ignored.
        on_bad_image: See :class:`mmeiou.datasets.strict_images.StrictImagesMixin`.
        filter_cfg: ``dict(filter_empty_gt=True)`` leaves out images without a face, or with faces
            to ignore only, except in test mode.
        metainfo: Changes to ``METAINFO``. ``keypoint_flip_pairs`` names the left and right points
            of other landmarks than the usual five.
        **kwargs: Those of MMDetection's ``BaseDetDataset``.

    Raises:
        LabelError: The label file is malformed; names file and line.
        FileNotFoundError: The label file or images are missing, before training starts.
        ValueError: Unknown options, or no image is left.
    """

    METAINFO = {  # noqa: RUF012 - MMEngine's class attribute
        "classes": ("face",),
        "palette": [(0, 200, 83)],
    }
    hint = "; the shipped configs take the root from the environment: MMEIOU_WIDERFACE"

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        data_prefix: dict[str, str] | None = None,
        label_format: Literal["auto", "labelv2", "retinaface", "wider"] = "auto",
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
                "keypoint_flip_pairs": FLIP_PAIRS.get(num_keypoints),
                **(metainfo or {}),
            },
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the labels and find every image."""
        self.require_ann_file()
        labels = read_face_labels(
            self.ann_file,
            self.label_format,
            self.num_keypoints,
            self.keypoint_weight,
            self.on_bad_box,
        )
        return self.existing([self._data_info(i, label) for i, label in enumerate(labels)])

    def _data_info(self, img_id: int, label: FaceLabel) -> dict[str, Any]:
        sides = label.boxes[:, 2:] - label.boxes[:, :2]
        ignore = label.ignore | (sides.min(axis=1, initial=float("inf")) < self.min_face_size)
        keypoints = label.keypoints if self.num_keypoints else None
        info: dict[str, Any] = {
            "img_id": img_id,
            "img_path": join_path(self.data_prefix["img"], label.image),
            "instances": FaceInstances(FaceArrays(label.boxes, ignore, keypoints)),
        }
        if label.size is not None:
            info["width"], info["height"] = label.size
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
