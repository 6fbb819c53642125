"""How well the landmarks of found faces fit, computed in the evaluation loop."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmeiou.evaluation.landmark_error import LandmarkImage, landmark_errors
from mmeiou.evaluation.oks import FACE_SIGMA, oks_ap
from mmeiou.evaluation.samples import sample_landmarks
from mmeiou.labels.landmarks import landmark_names
from mmeiou.registry import METRICS

EYES = ("right_eye", "left_eye")


@METRICS.register_module()
class LandmarkMetric(BaseMetric):
    """Landmark error (:mod:`mmeiou.evaluation.landmark_error`) and OKS-AP on the dataset's labels.

    ==================  ============================================================================
    ``found``           share of the faces with labelled landmarks that a detection found, one to
                        one, by a score of at least ``score_thr`` and an IoU of at least ``iou_thr``
    ``NME_eyes``        mean error of the faces found, by the distance of the labelled eyes
    ``NME_box``         the same by the square root of the labelled box's area
    ``NME_<point>``     by the eyes, of each landmark by its name
    ``failure_10``      share of the faces found whose mean error, by the eyes, is above 0.10
    ``AUC_10``          area under the curve of the share of faces against that error up to 0.10,
                        1 for perfect landmarks
    ``OKS_AP``          AP over object keypoint similarities of 0.50 to 0.95, of all detections
    ==================  ============================================================================

    A key is NaN where nothing is labelled that it could be computed of. The data samples must carry
    ``instances`` with keypoints, in pixels of the original image, so the packer's ``meta_keys``
    must name it; the head must predict as many. Faces to ignore and landmarks of weight 0 are left
    out.

    Args:
        eyes: Names of the two landmarks whose distance is the unit; None takes the box for all
            keys, ``NME_eyes`` being left out.
        sigmas: COCO's constants of OKS, one for all landmarks or one for each, in parts of the
            square root of the box's area. The default of 0.05 is a choice: a point that is off by
            a tenth of the box's side has the similarity 0.61.
        failure_thr: Of ``failure_10`` and ``AUC_10``, whose names give it in percent.
        score_thr: Least score of a detection of what is measured but OKS-AP.
        iou_thr: Least IoU of a detection with the face that it found.
        face_label: Label of the class that is evaluated, in predictions and instances.
        collect_device: Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the result's keys, ``'landmarks'`` by default.
        collect_dir: Folder for exchange between processes, only with ``'cpu'``.

    Raises:
        ValueError: If ``sigmas`` or ``failure_thr`` is not above 0, or, when the metric is given
            to a dataset, before the first step, that has no landmarks of the names ``eyes``.
    """

    default_prefix = "landmarks"

    def __init__(
        self,
        eyes: Sequence[str] | None = EYES,
        sigmas: float | Sequence[float] = FACE_SIGMA,
        failure_thr: float = 0.1,
        score_thr: float = 0.3,
        iou_thr: float = 0.5,
        face_label: int = 0,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.sigmas = np.asarray(sigmas, np.float64)
        if not (self.sigmas > 0).all() or not failure_thr > 0:
            raise ValueError(f"sigmas={sigmas}, failure_thr={failure_thr}: must be above 0")
        self.eyes = None if eyes is None else tuple(eyes)
        self.failure_thr = failure_thr
        self.score_thr = score_thr
        self.iou_thr = iou_thr
        self.face_label = face_label

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Of the dataset, which names its landmarks, or at least counts them."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict[str, Any]) -> None:
        self._dataset_meta = meta
        names = _names(meta)
        if names and not set(self.eyes or ()) <= set(names):
            raise ValueError(
                f"the dataset has the landmarks {', '.join(names)}, not {self.eyes}: name the two "
                "eyes by eyes=(..., ...) of mmeiou.LandmarkMetric, or set eyes=None"
            )

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ARG002
        """Keep detections and labels of a batch.

        Args:
            data_batch: Not used.
            data_samples: See :func:`mmeiou.evaluation.samples.sample_landmarks`.

        Raises:
            KeyError: If ``instances`` is missing.
            ValueError: If keypoints are missing, not finite, or of different numbers.
        """
        self.results.extend(sample_landmarks(sample, self.face_label) for sample in data_samples)

    def compute_metrics(self, results: list[LandmarkImage]) -> dict[str, float]:
        """Measure the collected set.

        Args:
            results: What :meth:`process` kept, of all processes.

        Raises:
            ValueError: If ``sigmas`` are not as many as the landmarks.
        """
        count = results[0].keypoints.shape[1]
        names = _names(self.dataset_meta or {}) or landmark_names(count)
        errors = landmark_errors(results, self.score_thr, self.iou_thr)
        if not len(errors.pixels) + errors.missed:
            print_log(
                "no face has a labelled landmark: its error is NaN", "current", logging.WARNING
            )
        by_box = by_size = errors.by_box()
        found = {"found": errors.found}
        if self.eyes is not None:
            by_size = errors.by_points(*(names.index(eye) for eye in self.eyes))
            found["NME_eyes"] = by_size.nme
        percent = f"{100 * self.failure_thr:g}"
        points = zip(names, by_size.of_points, strict=True)
        return {
            **found,
            "NME_box": by_box.nme,
            **{f"NME_{name}": error for name, error in points},
            f"failure_{percent}": by_size.failure_rate(self.failure_thr),
            f"AUC_{percent}": by_size.auc(self.failure_thr),
            "OKS_AP": oks_ap(results, np.broadcast_to(self.sigmas, (count,))),
        }


def _names(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the landmarks of a dataset; none where it has none, or does not say."""
    return tuple(meta.get("keypoint_names") or landmark_names(meta.get("num_keypoints", 0)))
