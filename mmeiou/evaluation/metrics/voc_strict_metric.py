"""Pascal VOC AP at strict thresholds, computed in the evaluation loop."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.evaluation import VOCMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmeiou.evaluation.extras import AREA_LIMITS, IOU_THR, area_ranges, checked_extras
from mmeiou.evaluation.image_overlaps import ImageOverlaps, on_ignored, overlaps
from mmeiou.evaluation.iou_calibration import calibration_report
from mmeiou.evaluation.lrp import mean_lrp, optimal_lrp, threshold_table
from mmeiou.evaluation.samples import require_finite, sample_iou_scores
from mmeiou.evaluation.strict_ap import PERCENTS, class_table, mean_aps
from mmeiou.evaluation.tide import tide_report
from mmeiou.evaluation.voc_ap import ClassMatches, average_precisions, match_class, outcomes
from mmeiou.registry import METRICS

# Boxes and labels of an image's objects, and its detections by class, as mmdet's metric keeps them.
_ImageResult = tuple[dict[str, NDArray[Any]], list[NDArray[np.float64]]]


@METRICS.register_module()
class VOCStrictMetric(VOCMetric):
    """AP of Pascal VOC from IoU 0.5 to 0.95 by both interpolations, from one run.

    The protocol is :mod:`mmeiou.evaluation.voc_ap`. Keys, each in [0, 1] and not rounded:
    ``voc/AP`` (mean over 0.50, 0.55, ..., 0.95), ``voc/AP50``, ``AP60``, ``AP70``, ``AP75``,
    ``AP80`` and ``AP90`` are areas under the curve; the same with ``_11p`` appended are 11-point
    interpolated, so that ``voc/AP50_11p`` is the number of VOC 2007's tables. ``voc/AP_s``,
    ``AP_m`` and ``AP_l`` are ``voc/AP`` of small, medium and large objects, all others ignored.
    Means over the classes that occur. NaN if none does.

    With ``extras``:

    - ``'lrp'``: ``voc/oLRP``, ``oLRP_Loc``, ``oLRP_FP`` and ``oLRP_FN`` at IoU 0.5
      (:mod:`mmeiou.evaluation.lrp`; lower is better).
    - ``'tide'``: ``voc/TIDE_AP50`` and ``voc/dAP_Loc``, ``dAP_Cls``, ``dAP_Dupe``, ``dAP_Bkg``,
      ``dAP_Both``, ``dAP_Miss``, ``dAP_FP`` and ``dAP_FN``, what each kind of error costs
      (:mod:`mmeiou.evaluation.tide`, with its own matching and 101 points).
    - ``'calibration'``: ``voc/IoU_MAE``, ``IoU_ECE``, ``IoU_pearson`` and ``IoU_spearman`` of the
      IoUs that the detector predicts (``iou_scores``) and ``LaECE`` of its scores at IoU 0.5
      (:mod:`mmeiou.evaluation.iou_calibration`), with a log of the reliability curve. True IoUs are
      those without VOC's end pixels, as in training; difficult objects have them, too.

    Detections are matched once for all thresholds and both interpolations. The data samples are
    as MMDetection's ``VOCMetric`` takes them: difficult objects in ``ignored_instances``.

    Args:
        classwise: Log tables of each class: AP, and optimal LRP with its score threshold.
        extras: What is reported beside AP, see above.
        area_limits: Areas in pixels at which medium and large objects begin, COCO's by default.
            For images shrunken by a factor of f, divide them by f squared.
        calibration_score_thr: Least score of a detection whose calibration is judged.
        collect_device: Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the result's keys, ``'voc'`` by default.

    Raises:
        ValueError: If an extra is unknown, or the areas do not rise.
    """

    default_prefix = "voc"

    def __init__(
        self,
        classwise: bool = False,
        collect_device: str = "cpu",
        prefix: str | None = None,
        extras: Sequence[str] = (),
        area_limits: tuple[float, float] = AREA_LIMITS,
        calibration_score_thr: float = 0.3,
    ) -> None:
        super().__init__(
            iou_thrs=[percent / 100 for percent in PERCENTS],
            collect_device=collect_device,
            prefix=prefix,
        )
        self.classwise = classwise
        self.extras = checked_extras(extras)
        self.area_ranges = area_ranges(area_limits)
        self.calibration_score_thr = calibration_score_thr

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the results of a batch.

        Raises:
            ValueError: Naming the image, if a box or score is not finite, or calibration is asked
                for and there are no ``iou_scores``.
        """
        for sample in data_samples:
            require_finite(sample)
        super().process(data_batch, data_samples)
        if "calibration" in self.extras:
            for sample, (truth, found) in zip(
                data_samples, self.results[-len(data_samples) :], strict=True
            ):
                labels = sample["pred_instances"]["labels"].cpu().numpy()
                values = sample_iou_scores(sample)
                # By class, as the detections are kept.
                by_class = [values[labels == label] for label in range(len(found))]
                truth["iou_scores"] = np.concatenate(by_class)

    def compute_metrics(self, results: list[_ImageResult]) -> dict[str, float]:
        """Evaluate the collected set.

        Args:
            results: What :meth:`process` kept, of all processes.
        """
        classes = self.dataset_meta["classes"]
        matches = [_matches_of_class(results, label) for label in range(len(classes))]
        area, points = self._aps(matches)
        if self.classwise:
            print_log("\n" + class_table(classes, area), "current")
        report = _named(area, "") | _named(points, "_11p")
        for size, (low, high) in self.area_ranges.items():
            report[f"AP{size}"] = mean_aps(self._aps([m.of_size(low, high) for m in matches])[0])[0]
        return report | self._extras(results, matches)

    def _extras(self, results: list[_ImageResult], matches: list[ClassMatches]) -> dict[str, float]:
        report: dict[str, float] = {}
        by_class = [outcomes(one, IOU_THR) for one in matches] if self.extras else []
        if "lrp" in self.extras:
            errors = [optimal_lrp(one, IOU_THR) for one in by_class]
            if self.classwise:
                print_log("\n" + threshold_table(self.dataset_meta["classes"], errors), "current")
            report |= mean_lrp(errors)
        if "tide" in self.extras:
            report |= tide_report([_overlaps(*one, pixel=True) for one in results])
        if "calibration" in self.extras:
            images = [_overlaps(*one, pixel=False) for one in results]
            calibration, curve = calibration_report(images, by_class, self.calibration_score_thr)
            print_log(f"\n{curve}", "current")
            report |= calibration
        return report

    def _aps(self, matches: list[ClassMatches]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(10, k) APs by threshold and class, of both interpolations."""
        pairs = [average_precisions(one, self.iou_thrs) for one in matches]
        area, points = (np.stack(aps, axis=1) for aps in zip(*pairs, strict=True))
        return area, points


def _matches_of_class(results: list[_ImageResult], label: int) -> ClassMatches:
    return match_class(
        [found[label] for _, found in results],
        [truth["bboxes"][truth["labels"] == label] for truth, _ in results],
        [truth["bboxes_ignore"][truth["labels_ignore"] == label] for truth, _ in results],
    )


def _overlaps(
    truth: dict[str, NDArray[Any]], found: list[NDArray[np.float64]], *, pixel: bool
) -> ImageOverlaps:
    """With VOC's pixels, difficult objects excuse; without, as in training, they are objects."""
    boxes = np.concatenate(found)
    labels = np.repeat(np.arange(len(found)), [len(one) for one in found])
    difficult, difficult_labels = truth["bboxes_ignore"], truth["labels_ignore"]
    bboxes, truth_labels = truth["bboxes"], truth["labels"]
    if pixel:
        on_difficult = overlaps(boxes[:, :4], difficult, pixel=True) >= IOU_THR
        excused = on_ignored(on_difficult, labels, difficult_labels)
    else:
        bboxes = np.concatenate([bboxes, difficult])
        truth_labels = np.concatenate([truth_labels, difficult_labels])
        excused = np.zeros(len(boxes), dtype=bool)
    return ImageOverlaps(
        boxes[:, 4],
        labels,
        truth_labels,
        overlaps(boxes[:, :4], bboxes, pixel=pixel),
        excused,
        truth.get("iou_scores"),
    )


def _named(aps: NDArray[np.float64], suffix: str) -> dict[str, float]:
    mean, at = mean_aps(aps)
    return {f"AP{suffix}": mean} | {f"AP{key}{suffix}": ap for key, ap in at.items()}
