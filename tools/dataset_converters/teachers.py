"""Detectors that label pictures: YuNet, with test-time augmentation on demand, or an ONNX file."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmeiou.apis import FaceDetector, Faces
from mmeiou.apis.images import load_image
from mmeiou.config import load_detector, read_config, require_tta
from mmeiou.labels.landmarks import flip_pairs_by_count

sys.path.append(str(Path(__file__).resolve().parents[1] / "analysis"))
from scrfd import SCRFD, is_scrfd

ONNX = ".onnx"


@dataclass(frozen=True)
class Options:
    """How pictures are looked at.

    Attributes:
        device: ``cpu``, ``cuda`` or ``cuda:<index>``.
        scales: Relative sizes; see :class:`mmeiou.apis.FaceDetector`.
        max_side: Longest side in pixels; None for any.
        tta: By ``tta_model`` and ``tta_pipeline`` of the config.
        score_thr: Smallest score of a face.
    """

    device: str
    scales: Sequence[float]
    max_side: int | None
    tta: bool
    score_thr: float


@dataclass(frozen=True)
class Teacher:
    """A detector.

    Attributes:
        detect: The faces of a picture.
        classes: Names of its classes; empty where it does not know them.
        digest: See :func:`digest_of`.
    """

    detect: Callable[[Path], Faces]
    classes: tuple[str, ...]
    digest: str


def load(model: str, checkpoint: str | None, options: Options) -> Teacher:
    """A YuNet, or an ONNX file: one of :class:`mmeiou.apis.FaceDetector`, or SCRFD's own.

    Args:
        model: Config or ``.onnx`` file.
        checkpoint: Weights for a config.
        options: How it looks at pictures.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: Model, weights and options do not fit each other.
    """
    digest = digest_of(model, checkpoint, options)
    detect, classes = _detector(model, checkpoint, options)
    return Teacher(detect, classes, digest)


def digest_of(model: str, checkpoint: str | None, options: Options) -> str:
    """Of all that what is found depends on: what a config inherits is in it, the device is not.

    Raises:
        FileNotFoundError: A file is missing.
    """
    digest = hashlib.sha256(repr(replace(options, device="")).encode())
    if model.endswith(ONNX):
        digest.update(_contents(model))
    else:
        digest.update(read_config(model).pretty_text.encode())
    if checkpoint:
        digest.update(_contents(checkpoint))
    return digest.hexdigest()


def _contents(file: str) -> bytes:
    if not Path(file).is_file():
        raise FileNotFoundError(f"teacher: {file} not found")
    return Path(file).read_bytes()


def _detector(
    model: str, checkpoint: str | None, options: Options
) -> tuple[Callable[[Path], Faces], tuple[str, ...]]:
    if options.tta:
        if model.endswith(ONNX) or checkpoint is None:
            raise ValueError(
                "--tta needs a config and its --checkpoint; --scales is for all models"
            )
        augmented = Augmented(model, checkpoint, options)
        return augmented, augmented.classes
    if model.endswith(ONNX) and is_scrfd(model):
        if options.max_side or tuple(options.scales) != (1.0,):
            raise ValueError(f"{model} is one of SCRFD: --scales and --max-side do not go with it")
        scrfd = SCRFD(model, options.score_thr)
        return lambda path: scrfd(load_image(path)), ("face",)
    detector = FaceDetector(
        model,
        checkpoint,
        options.device,
        score_thr=options.score_thr,
        scales=options.scales,
        max_side=options.max_side,
    )
    return detector, detector.classes


class Augmented:
    """A YuNet that sees each picture resized and mirrored, as its config says.

    Args:
        config: With ``tta_model`` and ``tta_pipeline``.
        checkpoint: Weights that fit it.
        options: Device and smallest score.

    Raises:
        ValueError: The config has none of these.
    """

    def __init__(self, config: str, checkpoint: str, options: Options) -> None:
        from mmengine.dataset import Compose  # noqa: PLC0415 - the MM stack, for this alone

        from mmeiou.registry import MODELS  # noqa: PLC0415

        cfg = read_config(config)
        require_tta(cfg)
        detector = load_detector(cfg, checkpoint)
        self.classes = tuple(detector.dataset_meta.get("classes", ()))
        self.pairs = flip_pairs_by_count(detector.bbox_head.num_keypoints)
        self.model = MODELS.build({**cfg.tta_model, "module": detector}).to(options.device).eval()
        self.pipeline = Compose(cfg.tta_pipeline)
        self.score_thr = options.score_thr

    def __call__(self, path: Path) -> Faces:
        """The faces of a picture, best first."""
        import torch  # noqa: PLC0415
        from mmengine.dataset import pseudo_collate  # noqa: PLC0415

        picture = {"img_path": str(path), "keypoint_flip_pairs": self.pairs}
        with torch.no_grad():
            (sample,) = self.model.test_step(pseudo_collate([self.pipeline(picture)]))
        found: Any = sample.pred_instances.cpu().numpy()
        found = found[found.scores >= self.score_thr]
        nothing = np.zeros((len(found), 0, 2), np.float32)
        return Faces(found.bboxes, found.scores, found.get("keypoints", nothing), found.labels)
