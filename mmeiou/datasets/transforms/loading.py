"""Loading images strictly, and annotations with landmarks."""

from pathlib import Path
from typing import Any

import cv2
import mmcv
import numpy as np
import torch
from mmcv.transforms import LoadImageFromFile as MMCVLoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations as MMDetLoadAnnotations
from mmdet.structures.bbox import get_box_type
from mmengine import fileio

from mmeiou.datasets.image_cache import ImageCache
from mmeiou.datasets.instances import LazyInstances
from mmeiou.labels.errors import ImageError
from mmeiou.labels.image_files import FLOAT_IMAGE, is_truncated_jpeg
from mmeiou.registry import TRANSFORMS

TIFF = (b"II*\0", b"MM\0*")  # little and big endian


@TRANSFORMS.register_module()
class LoadImageFromFile(MMCVLoadImageFromFile):
    """MMCV's ``LoadImageFromFile`` that lets no damaged image pass.

    Adds ``img`` (height, width, channels), ``img_shape`` and ``ori_shape`` (height, width).

    Args:
        to_float32: Return float32 instead of uint8.
        color_type: Flag of :func:`mmcv.imfrombytes`.
        imdecode_backend: Decoder of :func:`mmcv.imfrombytes`.
        backend_args: File backend of :mod:`mmengine.fileio`.
        cache: ``dict(folder=..., max_bytes=...)``, arguments of
            :class:`mmeiou.datasets.image_cache.ImageCache`, to decode an image once and map its
            pixels from then on; local files only. None decodes every time.

    Raises:
        ValueError: A cache of images that are not local files.
        ImageError: The file is missing, truncated, no image, one of floats, or of another size than
            the label file says. The message names it. ``on_bad_image='skip'`` of the dataset
            passes over it.
    """

    def __init__(
        self,
        to_float32: bool = False,
        color_type: str = "color",
        imdecode_backend: str = "cv2",
        backend_args: dict[str, Any] | None = None,
        cache: dict[str, Any] | None = None,
    ) -> None:
        if cache and backend_args and backend_args.get("backend", "local") != "local":
            raise ValueError(f"cache={cache!r} needs local files, not {backend_args!r}")
        variant = f"{color_type} {imdecode_backend}"
        self.cache = ImageCache(**cache, variant=variant) if cache else None
        super().__init__(
            to_float32=to_float32,
            color_type=color_type,
            imdecode_backend=imdecode_backend,
            backend_args=backend_args,
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Load the image at ``results['img_path']``."""
        path = results["img_path"]
        img = self._load(path)
        height, width = img.shape[:2]
        labelled = (results.get("width", width), results.get("height", height))
        if labelled != (width, height):
            raise ImageError(
                f"{path}: the image is {width} x {height} pixels, its label says "
                f"{labelled[0]} x {labelled[1]}; boxes would not fit"
            )
        results["img"] = img.astype(np.float32) if self.to_float32 else img
        results["img_shape"] = results["ori_shape"] = (height, width)
        return results

    def _load(self, path: str) -> Any:
        if self.cache is None:
            return self._decode(path)
        if not Path(path).is_file():
            raise ImageError(f"{path}: cannot be read (no such file)")
        return self.cache.fetch(path, lambda: self._decode(path))

    def _decode(self, path: str) -> Any:
        try:
            data = fileio.get(path, backend_args=self.backend_args)
        except (OSError, UnicodeEncodeError) as error:  # the latter: a key of LMDB
            raise ImageError(f"{path}: cannot be read ({error})") from error
        if data is None:  # MMEngine's LMDB and Memcached backends
            raise ImageError(f"{path}: not in the storage of {self.backend_args!r}")
        if is_truncated_jpeg(data):
            raise ImageError(f"{path}: truncated JPEG of {len(data)} bytes")
        if data[:4] in TIFF:  # the one format of the list that may hold floats
            stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            if stored is not None and stored.dtype.kind == "f":
                raise ImageError(f"{path}: {FLOAT_IMAGE}")
        try:
            img = mmcv.imfrombytes(data, flag=self.color_type, backend=self.imdecode_backend)
        except Exception as error:
            # Every decoder raises errors of its own, cv2.error for an empty file among them.
            raise ImageError(f"{path}: cannot be decoded ({error})") from error
        if img is None:
            raise ImageError(f"{path}: not an image that {self.imdecode_backend} can decode")
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

    def _load_bboxes(self, results: dict[str, Any]) -> None:
        arrays = untouched(results)
        if arrays is None:
            super()._load_bboxes(results)
            return
        results["gt_ignore_flags"] = arrays.ignore.copy()
        if self.box_type is None:
            results["gt_bboxes"] = arrays.bboxes.copy()
        else:
            _, box_type = get_box_type(self.box_type)
            results["gt_bboxes"] = box_type(arrays.bboxes, dtype=torch.float32)  # copies

    def _load_labels(self, results: dict[str, Any]) -> None:
        arrays = untouched(results)
        if arrays is None:
            super()._load_labels(results)
            return
        results["gt_bboxes_labels"] = arrays.labels.copy()

    def _load_kps(self, results: dict[str, Any]) -> None:
        arrays = untouched(results)
        if arrays is not None and arrays.keypoints is not None:
            results["gt_keypoints"] = arrays.keypoints.copy()
            return
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


def untouched(results: dict[str, Any]) -> LazyInstances | None:
    """The boxes as arrays, where the dataset keeps them so and nobody touched their dicts."""
    instances = results.get("instances")
    return instances if isinstance(instances, LazyInstances) and instances.untouched else None
