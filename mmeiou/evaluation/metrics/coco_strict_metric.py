"""COCO AP at strict thresholds, computed in the evaluation loop."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mmdet.datasets.api_wrappers import COCO, COCOeval
from mmdet.evaluation import CocoMetric
from mmengine.fileio import load
from mmengine.logging import print_log

from mmeiou.evaluation.coco_outcomes import class_outcomes, image_overlaps
from mmeiou.evaluation.extras import AREA_LIMITS, IOU_THR, area_ranges, checked_extras
from mmeiou.evaluation.iou_calibration import calibration_report
from mmeiou.evaluation.lrp import mean_lrp, optimal_lrp, threshold_table
from mmeiou.evaluation.samples import require_finite, sample_iou_scores
from mmeiou.evaluation.strict_ap import class_table, mean_aps
from mmeiou.evaluation.tide import tide_report
from mmeiou.registry import METRICS

_METRICS = ("bbox", "segm")
_MAX_DETECTIONS = 100
_LARGEST = 1e10  # pycocotools' largest area
_ALL_SIZES = (0.0, _LARGEST)


@METRICS.register_module()
class CocoStrictMetric(CocoMetric):
    """AP of COCO at all thresholds and at 0.5, 0.6, 0.7, 0.75, 0.8 and 0.9, from one run.

    MMDetection's ``CocoMetric`` reports AP, AP50 and AP75 alone. Keys, by its naming, each in
    [0, 1] and not rounded: ``coco/bbox_mAP`` (mean over 0.50, 0.55, ..., 0.95),
    ``coco/bbox_mAP_50``, ``_60``, ``_70``, ``_75``, ``_80``, ``_90``, and ``_s``, ``_m``, ``_l``
    for small, medium and large objects; the same with ``segm`` for masks. All with at most 100
    detections an image, as COCO defines them. NaN where no object is of that size.

    With ``extras``:

    - ``'lrp'``: ``coco/bbox_oLRP``, ``bbox_oLRP_Loc``, ``bbox_oLRP_FP`` and ``bbox_oLRP_FN`` at
      IoU 0.5 (:mod:`mmeiou.evaluation.lrp`; lower is better).
    - ``'tide'``: ``coco/bbox_TIDE_AP50`` and ``coco/bbox_dAP_Loc``, ``_Cls``, ``_Dupe``, ``_Bkg``,
      ``_Both``, ``_Miss``, ``_FP`` and ``_FN``, what each kind of error costs
      (:mod:`mmeiou.evaluation.tide`).
    - ``'calibration'``: ``coco/bbox_IoU_MAE``, ``bbox_IoU_ECE``, ``bbox_IoU_pearson`` and
      ``bbox_IoU_spearman`` of the IoUs that the detector predicts (``iou_scores``) and
      ``bbox_LaECE`` of its scores at IoU 0.5 (:mod:`mmeiou.evaluation.iou_calibration`), with a
      log of the reliability curve. For boxes alone.

    Args:
        ann_file: Annotations in COCO's format; without it the dataset's own are converted.
        metric: ``'bbox'``, ``'segm'`` or a list of them.
        classwise: Log tables of each class: AP, and optimal LRP with its score threshold.
        extras: What is reported beside AP, see above.
        area_limits: Areas in pixels at which medium and large objects begin, COCO's by default.
            For images shrunken by a factor of f, divide them by f squared.
        calibration_score_thr: Least score of a detection whose calibration is judged.
        **kwargs: ``format_only``, ``outfile_prefix``, ``backend_args``, ``collect_device``,
            ``prefix`` and ``sort_categories`` of ``CocoMetric``.

    Raises:
        ValueError: If another metric, or thresholds, proposal numbers or items are asked for, an
            extra is unknown, or the areas do not rise.
    """

    _coco_api: Any

    def __init__(
        self,
        ann_file: str | None = None,
        metric: str | Sequence[str] = "bbox",
        classwise: bool = False,
        extras: Sequence[str] = (),
        area_limits: tuple[float, float] = AREA_LIMITS,
        calibration_score_thr: float = 0.3,
        **kwargs: Any,
    ) -> None:
        metrics = [metric] if isinstance(metric, str) else list(metric)
        fixed = {"iou_thrs", "proposal_nums", "metric_items", "use_mp_eval"} & set(kwargs)
        if not set(metrics) <= set(_METRICS) or fixed:
            raise ValueError(
                f"CocoStrictMetric reports a fixed set of APs for metric in {_METRICS}, got metric="
                f"{metric!r}{''.join(f', {key}' for key in sorted(fixed))}; for anything else add "
                "MMDetection's CocoMetric beside it: val_evaluator=[dict(type='mmeiou."
                "CocoStrictMetric', ...), dict(type='CocoMetric', ...)]"
            )
        super().__init__(ann_file=ann_file, metric=metrics, classwise=classwise, **kwargs)
        self.extras = checked_extras(extras)
        self.area_ranges = area_ranges(area_limits)
        self.calibration_score_thr = calibration_score_thr
        if self._coco_api is not None:
            _number_from_1(self._coco_api)

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
            for sample, (_, result) in zip(
                data_samples, self.results[-len(data_samples) :], strict=True
            ):
                result["iou_scores"] = sample_iou_scores(sample)

    def compute_metrics(
        self, results: list[tuple[dict[str, Any], dict[str, Any]]]
    ) -> dict[str, Any]:
        """Evaluate the collected set.

        Args:
            results: What :meth:`process` kept, of all processes.
        """
        if self.format_only:
            return super().compute_metrics(results)
        truths, predictions = zip(*results, strict=True)
        with TemporaryDirectory() as folder:
            prefix = self.outfile_prefix or str(Path(folder) / "results")
            if self._coco_api is None:
                self._coco_api = COCO(self.gt_to_coco_json(truths, prefix))
            self.cat_ids = self._coco_api.get_cat_ids(cat_names=self.dataset_meta["classes"])
            self.img_ids = self._coco_api.get_img_ids()
            files = self.results2json(predictions, prefix)
            found = {metric: load(files[metric]) for metric in self.metrics}
        report: dict[str, float] = {}
        for metric in self.metrics:
            evaluation = self._evaluate(metric, found[metric])
            extras = self._extras(evaluation, predictions) if self.extras else {}
            report |= {
                f"{metric}_{key}": value for key, value in (self._aps(evaluation) | extras).items()
            }
        return report

    def _evaluate(self, metric: str, found: list[dict[str, Any]]) -> Any:
        """A ``COCOeval`` that has matched and accumulated."""
        if metric == "segm":
            for one in found:
                one.pop("bbox", None)  # or its area, not the mask's, would decide the size
        # pycocotools cannot load an empty list.
        detections = self._coco_api.loadRes(found) if found else COCO()
        evaluation = COCOeval(self._coco_api, detections, metric)
        evaluation.params.catIds = self.cat_ids
        evaluation.params.imgIds = self.img_ids
        evaluation.params.maxDets = [_MAX_DETECTIONS]
        evaluation.params.areaRng = [
            [low, min(high, _LARGEST)] for low, high in (_ALL_SIZES, *self.area_ranges.values())
        ]
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation

    def _aps(self, evaluation: Any) -> dict[str, float]:
        # (threshold, recall, class, size, max detections), -1 without objects
        aps = evaluation.eval["precision"][..., 0].mean(axis=1)
        aps = np.where(aps < 0, np.nan, aps)
        if self.classwise:
            self._log(evaluation, class_table(self._names(evaluation), aps[..., 0]))
        _, at = mean_aps(aps[..., 0])
        sizes = {
            f"mAP{size}": mean_aps(aps[..., k])[0] for k, size in enumerate(("", *self.area_ranges))
        }
        return sizes | {f"mAP_{percent}": ap for percent, ap in at.items()}

    def _extras(self, evaluation: Any, predictions: Sequence[dict[str, Any]]) -> dict[str, float]:
        report: dict[str, float] = {}
        by_class = class_outcomes(evaluation, IOU_THR)
        if "lrp" in self.extras:
            errors = [optimal_lrp(one, IOU_THR) for one in by_class]
            if self.classwise:
                self._log(evaluation, threshold_table(self._names(evaluation), errors))
            report |= mean_lrp(errors)
        if "tide" in self.extras:
            report |= tide_report(image_overlaps(evaluation, IOU_THR))
        if "calibration" in self.extras and evaluation.params.iouType == "bbox":
            # In the order in which they were written, by which pycocotools numbers them.
            values = np.concatenate([one["iou_scores"] for one in predictions])
            images = image_overlaps(evaluation, IOU_THR, values)
            calibration, curve = calibration_report(images, by_class, self.calibration_score_thr)
            self._log(evaluation, curve)
            report |= calibration
        return report

    def _names(self, evaluation: Any) -> list[str]:
        """Classes in the order of the evaluation's ids, which pycocotools sorts."""
        return [one["name"] for one in self._coco_api.loadCats(evaluation.params.catIds)]

    def _log(self, evaluation: Any, table: str) -> None:
        print_log(f"{evaluation.params.iouType}:\n{table}", "current")


def _number_from_1(coco: Any) -> None:
    """Number annotations anew: pycocotools loses objects of the id 0, or of one id."""
    for number, annotation in enumerate(coco.dataset["annotations"], start=1):
        annotation["id"] = number
    coco.createIndex()
    # MMDetection's names for the same.
    coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
