"""Faces in images, from a trained or an exported model."""

from collections import defaultdict
from collections.abc import Sequence
from os import PathLike
from pathlib import PurePath
from typing import Any, Protocol, overload

from mmeiou.apis.candidates import Candidates, select_faces
from mmeiou.apis.faces import Faces
from mmeiou.apis.images import Image, ImageLike, load_image
from mmeiou.apis.litert_backend import LiteRTBackend
from mmeiou.apis.ncnn_backend import NcnnBackend
from mmeiou.apis.onnx_backend import OnnxBackend
from mmeiou.apis.openvino_backend import OpenVinoBackend
from mmeiou.apis.views import View, make_views, padded_size


class Backend(Protocol):
    """A network that proposes faces; see :class:`mmeiou.apis.exported.ExportedBackend`."""

    divisor: int
    fixed_size: tuple[int, int] | None
    classes: tuple[str, ...]

    def __call__(self, images: Sequence[Image], score_thr: float) -> list[Candidates]:
        """Proposals for each image, in pixels of the network's input."""


EXPORTED = {
    ".onnx": OnnxBackend,
    ".xml": OpenVinoBackend,
    ".tflite": LiteRTBackend,
    ".param": NcnnBackend,
}
"""What runs a file, by its suffix."""


class FaceDetector:
    """Finds faces in images.

    Images are read as BGR, padded with zeros to the right and below, and normalised as the config
    says (an exported model: not at all). The config's test pipeline and ``test_cfg`` are not used.
    Images of the same padded size go through the network together, so that what is found in one
    does not depend on the others.

    Args:
        model: Config, or its file, of a ``mmeiou.YuNet``; or a file with the outputs of OpenCV's
            ``FaceDetectorYN`` that one of :data:`EXPORTED` runs, of fixed or free shape. Into a
            fixed shape images are shrunk, their aspect ratio kept.
        checkpoint: Weights for the config. On a CPU ONNX Runtime runs the network, where it is
            installed, else PyTorch, which is slower.
        device: ``cpu``, ``cuda`` or ``cuda:<index>``.
        score_thr: Smallest score, class probability times objectness. (OpenCV thresholds its
            square root.)
        nms_thr: Largest IoU at which two boxes are two faces.
        max_faces: Most faces of an image, the best; None for all.
        max_side: Longest side in pixels at which an image is looked at; None for any.
        scales: Sizes, relative to the image, at which it is looked at; the findings are merged by
            non-maximum suppression, except that a face is left to the smaller views where it is
            longer than :data:`mmeiou.apis.views.LARGEST_FACE` pixels in a view. ``(0.25, 1, 2)``
            also finds faces that fill a large photograph and faces of a few pixels.
        batch_size: Most images in the network at once.

    Attributes:
        classes: Names of the classes that ``Faces.labels`` number, as far as the model knows them.

    Raises:
        FileNotFoundError: If a file is missing.
        ImportError: If MMDetection or the file's runtime is missing.
        ValueError: If an option is out of range, or model and checkpoint do not fit.

    Examples:
        >>> from skimage.data import astronaut
        >>> detector = FaceDetector("yunet_n.onnx")
        >>> detector(astronaut()[..., ::-1]).boxes.round()
        array([[178.,  65., 269., 176.]], dtype=float32)
    """

    def __init__(
        self,
        model: Any,
        checkpoint: str | PathLike[str] | None = None,
        device: str = "cpu",
        *,
        score_thr: float = 0.3,
        nms_thr: float = 0.45,
        max_faces: int | None = None,
        max_side: int | None = None,
        scales: Sequence[float] = (1.0,),
        batch_size: int = 8,
    ) -> None:
        for name, share in (("score_thr", score_thr), ("nms_thr", nms_thr)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {share}")
        counts = {"max_faces": max_faces, "max_side": max_side, "batch_size": batch_size}
        for name, count in counts.items():
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        if not scales or min(scales) <= 0:
            raise ValueError(f"scales must be one or more positive factors, got {scales}")
        self.score_thr = score_thr
        self.nms_thr = nms_thr
        self.max_faces = max_faces
        self.max_side = max_side
        self.scales = tuple(scales)
        self.batch_size = batch_size
        self.backend = _load(model, checkpoint, device)
        self.classes = self.backend.classes

    @overload
    def __call__(self, images: ImageLike) -> Faces: ...
    @overload
    def __call__(self, images: list[Any] | tuple[ImageLike, ...]) -> list[Faces]: ...
    def __call__(
        self, images: ImageLike | list[Any] | tuple[ImageLike, ...]
    ) -> Faces | list[Faces]:
        """Find the faces of one image, or of each image of a list.

        Args:
            images: Path or array (h, w, 3) BGR uint8, or a list of these. Other arrays and depths
                are converted, see :func:`mmeiou.apis.images.load_image`.

        Raises:
            FileNotFoundError: If there is no such file.
            ImageError: If it is no image, or has no pixels.
        """
        if not isinstance(images, (list, tuple)):
            return self._detect([load_image(images)])[0]
        found: list[Faces] = []
        for start in range(0, len(images), self.batch_size):  # no more than these in memory
            part = images[start : start + self.batch_size]
            found += self._detect([load_image(image) for image in part])
        return found

    def _detect(self, images: Sequence[Image]) -> list[Faces]:
        fixed = self.backend.fixed_size
        groups: defaultdict[tuple[int, int], list[tuple[int, View]]] = defaultdict(list)
        for index, image in enumerate(images):
            for view in make_views(image, self.scales, self.max_side, fixed):
                size = fixed or padded_size(view.pixels, self.backend.divisor)
                groups[size].append((index, view))
        sights: list[list[Candidates]] = [[] for _ in images]
        for group in groups.values():
            for start in range(0, len(group), self.batch_size):
                batch = group[start : start + self.batch_size]
                proposed = self.backend([view.pixels for _, view in batch], self.score_thr)
                for (index, view), candidates in zip(batch, proposed, strict=True):
                    seen = candidates.up_to(view.largest_face).rescaled(view.scale)
                    sights[index].append(seen)
        return [select_faces(views, self.nms_thr, self.max_faces) for views in sights]


def _load(model: Any, checkpoint: str | PathLike[str] | None, device: str) -> Backend:
    suffix = PurePath(model).suffix if isinstance(model, (str, PathLike)) else None
    if suffix in EXPORTED:
        if checkpoint is not None:
            raise ValueError(f"{model} holds its weights: leave out checkpoint={checkpoint!r}")
        return EXPORTED[suffix](model, device)
    if checkpoint is None:
        raise ValueError(
            f"a config needs a checkpoint; or give a file of {', '.join(EXPORTED)} as the model"
        )
    from mmeiou.apis.torch_backend import TorchBackend  # noqa: PLC0415 (imports MMDetection)

    return TorchBackend(model, checkpoint, device, onnx_runtime=True)
