"""AP of a face detector by the WIDER FACE protocol, computed in the evaluation loop."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mmeiou.evaluation.samples import sample_detections, sample_labels
from mmeiou.evaluation.wider_report import evaluate, face_image, pair
from mmeiou.functional.wider_ap import FaceImage, WIDERProtocol
from mmeiou.labels import read_labels
from mmeiou.labels.formats import wider_txt
from mmeiou.labels.image_files import image_key
from mmeiou.labels.records import Detections, ImageLabels
from mmeiou.registry import METRICS


@dataclass(frozen=True)
class _ImageResult:
    img_path: str
    detections: Detections
    labels: ImageLabels | None

    def labelled(self) -> FaceImage:
        assert self.labels is not None
        return face_image(self.detections, self.labels)


@METRICS.register_module()
class WIDERFaceMetric(BaseMetric):
    """Average precision by the WIDER FACE protocol (:mod:`mmeiou.functional.wider_ap`).

    With ``gt_dir`` the labels are the benchmark's own: AP of the subsets ``easy``, ``medium`` and
    ``hard``. Images are recognised by ``<parent folder>/<name>`` of ``img_path``. Images of the
    ground truth that were not predicted count as missed, predictions for other images are left
    out; both are logged as warnings. As in the benchmark's code, false positives on images without
    any labelled face do not count.

    Without ``gt_dir`` the labels are the dataset's: one ``AP``. The data samples must carry
    ``instances`` (boxes in pixels of the original image), so the packer's ``meta_keys`` must name
    it. Instances with ``ignore_flag=1`` are treated as those outside a subset. False positives on
    images without faces do count here.

    Args:
        gt_dir: Folder of ``wider_face_val.mat`` and ``wider_{easy,medium,hard}_val.mat``.
        text_dir: Folder to write predictions to in the benchmark's text format, replaced as a
            whole at each evaluation.
        face_label: Label of the class that is evaluated, in predictions and instances.
        iou_thr: Smallest IoU, +1 pixel convention, at which a face is found.
        collect_device: Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the result's keys, ``'WIDERFace'`` by default.
        collect_dir: Folder for exchange between processes, only with ``'cpu'``.

    Raises:
        FileNotFoundError: If ``gt_dir`` or one of its files is missing.
        FileExistsError: If ``text_dir`` holds anything but predictions.
        ValueError: If a ground truth file is damaged or ``iou_thr`` is outside (0, 1].
    """

    default_prefix = "WIDERFace"

    def __init__(
        self,
        gt_dir: str | None = None,
        text_dir: str | None = None,
        face_label: int = 0,
        iou_thr: float = 0.5,
        collect_device: str = "cpu",
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.protocol = WIDERProtocol(iou_thr, skip_faceless=gt_dir is not None)
        self.ground_truth = self.subsets = None
        if gt_dir is not None:
            labels = read_labels(gt_dir, "wider_mat")
            self.ground_truth, self.subsets = labels.by_key(image_key), labels.subsets
        self.text_dir = None if text_dir is None else Path(text_dir)
        if self.text_dir is not None:
            wider_txt.check_replaceable(self.text_dir)
        self.face_label = face_label

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:  # noqa: ARG002
        """Keep the detections of a batch, and its labels if they are the dataset's.

        Args:
            data_batch: Not used.
            data_samples: Dicts with ``img_path`` and ``pred_instances`` (``bboxes``, ``scores``
                and, for a detector of several classes, ``labels``).

        Raises:
            KeyError: If ``instances`` is needed and missing.
            ValueError: If a box or score is not finite.
        """
        self.results.extend(
            _ImageResult(
                sample["img_path"],
                sample_detections(sample, self.face_label),
                sample_labels(sample, self.face_label) if self.ground_truth is None else None,
            )
            for sample in data_samples
        )

    def compute_metrics(self, results: list[_ImageResult]) -> dict[str, float]:
        """Evaluate the collected set; logs the protocol, writes the text files if asked to.

        Args:
            results: What :meth:`process` kept, of all processes.

        Returns:
            ``{'easy', 'medium', 'hard'}`` or ``{'AP'}``; NaN where there are no faces.

        Raises:
            ValueError: If nothing was predicted for the ground truth, or two images have the same
                ``<event>/<image>`` where this name is needed.
        """
        if self.text_dir is not None:
            wider_txt.write(self.text_dir, _by_key(results))
            print_log(f"wrote predictions of {len(results)} images to {self.text_dir}", "current")
        if self.ground_truth is None:
            report = evaluate([result.labelled() for result in results], ("AP",), self.protocol)
        else:
            assert self.subsets is not None
            paired = pair(_by_key(results), self.ground_truth)
            for warning in paired.warnings():
                print_log(warning, "current", logging.WARNING)
            report = evaluate(paired.images, self.subsets, self.protocol)
        print_log(str(report), "current")
        return report.ap


def _by_key(results: Sequence[_ImageResult]) -> dict[str, Detections]:
    found: dict[str, Detections] = {}
    for result in results:
        if (key := image_key(result.img_path)) in found:
            raise ValueError(f"the name {key} (<event>/<image>) stands for several images")
        found[key] = result.detections
    return found
