"""The face dataset."""

import warnings
from pathlib import Path
from typing import Any, Literal

from mmdet.datasets import BaseDetDataset
from mmengine.fileio import get_file_backend, join_path

from mmeiou.datasets.instances import FaceArrays, FaceInstances
from mmeiou.datasets.readers import FaceLabel, read_face_labels
from mmeiou.datasets.readers.face_label import BadBox, KeypointWeight
from mmeiou.datasets.transforms.flip import FLIP_PAIRS
from mmeiou.datasets.transforms.loading import BadImageError
from mmeiou.registry import DATASETS

NUM_NAMED = 3
ENVIRONMENT_HINT = "; the shipped configs take the root from the environment: MMEIOU_WIDERFACE"


@DATASETS.register_module()
class WIDERFaceDataset(BaseDetDataset):
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
        on_bad_image: ``raise``, or ``skip`` to replace a bad image in training by a random other
            one, with a warning that counts them in each worker process; missing files are left
            out of the dataset. In test mode a bad image is always an error.
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
        on_bad_image: Literal["raise", "skip"] = "raise",
        filter_cfg: dict[str, bool] | None = None,
        metainfo: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if on_bad_image not in ("raise", "skip"):
            raise ValueError(f"on_bad_image={on_bad_image!r}: expected 'raise' or 'skip'")
        if unknown := set(filter_cfg or {}) - {"filter_empty_gt"}:
            raise ValueError(f"filter_cfg has {sorted(unknown)}: only filter_empty_gt is known")
        self.label_format = label_format
        self.num_keypoints = num_keypoints
        self.keypoint_weight = keypoint_weight
        self.on_bad_box = on_bad_box
        self.min_face_size = min_face_size
        self.on_bad_image = on_bad_image
        self.bad_images: set[str] = set()
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
        if not Path(self.ann_file).is_file():
            raise FileNotFoundError(
                f"label file {Path(self.ann_file).absolute()} not found: set ann_file and "
                f"data_root (now {self.data_root!r}) of the dataset{ENVIRONMENT_HINT}"
            )
        labels = read_face_labels(
            self.ann_file,
            self.label_format,
            self.num_keypoints,
            self.keypoint_weight,
            self.on_bad_box,
        )
        return self._existing([self._data_info(i, label) for i, label in enumerate(labels)])

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

    def _existing(self, data_list: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out, or refuse, images whose file is missing."""
        backend = get_file_backend(self.data_prefix["img"], backend_args=self.backend_args)
        found: list[dict[str, Any]] = []
        missing: list[dict[str, Any]] = []
        for info in data_list:
            (found if backend.exists(info["img_path"]) else missing).append(info)
        if not missing:
            return found
        named = ", ".join(info["img_path"] for info in missing[:NUM_NAMED])
        message = (
            f"{len(missing)} of the {len(data_list)} images in {self.ann_file} are missing: "
            f"{named}{', ...' if len(missing) > NUM_NAMED else ''}"
        )
        if found and self.on_bad_image == "skip" and not self.test_mode:
            warnings.warn(f"left out: {message}", stacklevel=2)
            return found
        raise FileNotFoundError(
            f"{message}. Set data_root and data_prefix['img'] of the dataset, now giving "
            f"{Path(self.data_prefix['img']).absolute()}{ENVIRONMENT_HINT}"
        )

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

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The labels of an image, with what its transforms need to know of the landmarks."""
        info = super().get_data_info(idx)
        info["num_keypoints"] = self.num_keypoints
        info["keypoint_flip_pairs"] = self._metainfo["keypoint_flip_pairs"]
        return info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline; None, in training with ``on_bad_image='skip'``, for a bad image."""
        try:
            return super().prepare_data(idx)
        except BadImageError as error:
            if self.on_bad_image == "raise" or self.test_mode:
                raise
            if str(error) not in self.bad_images:
                self.bad_images.add(str(error))
                warnings.warn(f"bad image {len(self.bad_images)} skipped: {error}", stacklevel=2)
            return None
