"""Loading images strictly, and annotations with landmarks."""

from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations as MMDetLoadAnnotations
from mmengine import fileio

from mmeiou.datasets.transforms.integrity import is_truncated_jpeg
from mmeiou.registry import TRANSFORMS


class BadImageError(OSError):
    """An image file that is missing, truncated, or not an image."""


@TRANSFORMS.register_module()
class LoadImageFromFile(MMCVLoadImageFromFile):
    """MMCV's ``LoadImageFromFile`` that lets no damaged image pass.

    Adds ``img`` (height, width, channels), ``img_shape`` and ``ori_shape`` (height, width).

    Args:
        to_float32: Return float32 instead of uint8.
        color_type: Flag of :func:`mmcv.imfrombytes`.
        imdecode_backend: Decoder of :func:`mmcv.imfrombytes`.
        backend_args: File backend of :mod:`mmengine.fileio`.

    Raises:
        BadImageError: The file is missing, truncated, no image, or of another size than the label
            file says. The message names it. ``on_bad_image='skip'`` of the dataset passes over it.
    """

    def __init__(
        self,
        to_float32: bool = False,
        color_type: str = "color",
        imdecode_backend: str = "cv2",
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            to_float32=to_float32,
            color_type=color_type,
            imdecode_backend=imdecode_backend,
            backend_args=backend_args,
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the image at ``results['img_path']``."""
        path = results["img_path"]
        img = self._decode(path)
        height, width = img.shape[:2]
        labelled = (results.get("width", width), results.get("height", height))
        if labelled != (width, height):
            raise BadImageError(
                f"{path}: the image is {width} x {height} pixels, its label says "
                f"{labelled[0]} x {labelled[1]}; boxes would not fit"
            )
        results["img"] = img.astype(np.float32) if self.to_float32 else img
        results["img_shape"] = results["ori_shape"] = (height, width)
        return results

    def _decode(self, path: str) -> Any:
        try:
            data = fileio.get(path, backend_args=self.backend_args)
        except OSError as error:
            raise BadImageError(f"{path}: cannot be read ({error})") from error
        if is_truncated_jpeg(data):
            raise BadImageError(f"{path}: truncated JPEG of {len(data)} bytes")
        try:
            img = mmcv.imfrombytes(data, flag=self.color_type, backend=self.imdecode_backend)
        except Exception as error:
            # Every decoder raises errors of its own, cv2.error for an empty file among them.
            raise BadImageError(f"{path}: cannot be decoded ({error})") from error
        if img is None:
            raise BadImageError(f"{path}: not an image that {self.imdecode_backend} can decode")
        return img


@TRANSFORMS.register_module()
class LoadAnnotations(MMDetLoadAnnotations):
    """MMDetection's ``LoadAnnotations`` that also loads landmarks.

    With ``with_keypoints=True`` adds ``gt_keypoints``, float32 ``(n, K, 3)``: x, y, weight.

    Args:
        with_keypoints: Load landmarks.
        **kwargs: Those of MMDetection's ``LoadAnnotations``.

    Raises:
        KeyError: Landmarks are asked for, and a face of the dataset has none.
    """

    def __init__(self, with_keypoints: bool = False, **kwargs: Any) -> None:
        super().__init__(with_keypoints=with_keypoints, **kwargs)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load what is asked for from ``results['instances']``."""
        results = super().transform(results)
        if self.with_keypoints:
            self._load_kps(results)
        return results

    def _load_kps(self, results: dict[str, Any]) -> None:
        instances = results.get("instances", [])
        if any("keypoints" not in instance for instance in instances):
            raise KeyError(
                "with_keypoints=True, but the dataset has no 'keypoints' for its instances; give "
                "the dataset num_keypoints > 0, or load with with_keypoints=False"
            )
        keypoints = [instance["keypoints"] for instance in instances]
        num_keypoints = len(keypoints[0]) if keypoints else results.get("num_keypoints", 0)
        results["gt_keypoints"] = np.array(keypoints, dtype=np.float32).reshape(
            len(keypoints), num_keypoints, 3
        )
