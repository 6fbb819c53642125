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
from numpy.typing import NDArray

from mmeiou.evaluation.samples import require_finite
from mmeiou.evaluation.strict_ap import class_table, mean_aps
from mmeiou.registry import METRICS

_METRICS = ("bbox", "segm")
_MAX_DETECTIONS = 100
_AREAS = ("", "_s", "_m", "_l")  # in pycocotools' order: all, small, medium, large


@METRICS.register_module()
class CocoStrictMetric(CocoMetric):
    """AP of COCO at all thresholds and at 0.5, 0.6, 0.7, 0.75, 0.8 and 0.9, from one run.

    MMDetection's ``CocoMetric`` reports AP, AP50 and AP75 alone. Keys, by its naming, each in
    [0, 1] and not rounded: ``coco/bbox_mAP`` (mean over 0.50, 0.55, ..., 0.95),
    ``coco/bbox_mAP_50``, ``_60``, ``_70``, ``_75``, ``_80``, ``_90``, and ``_s``, ``_m``, ``_l``
    for small, medium and large objects; the same with ``segm`` for masks. All with at most 100
    detections an image, as COCO defines them. NaN where no object is of that size.

    Args:
        ann_file: Annotations in COCO's format; without it the dataset's own are converted.
        metric: ``'bbox'``, ``'segm'`` or a list of them.
        classwise: Log a table of each class.
        **kwargs: ``format_only``, ``outfile_prefix``, ``backend_args``, ``collect_device``,
            ``prefix`` and ``sort_categories`` of ``CocoMetric``.

    Raises:
        ValueError: If another metric, or thresholds, proposal numbers or items are asked for.
    """

    _coco_api: Any

    def __init__(
        self,
        ann_file: str | None = None,
        metric: str | Sequence[str] = "bbox",
        classwise: bool = False,
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
        if self._coco_api is not None:
            _number_from_1(self._coco_api)

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the results of a batch.

        Raises:
            ValueError: Naming the image, if a box or score is not finite.
        """
        for sample in data_samples:
            require_finite(sample)
        super().process(data_batch, data_samples)

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
            report |= self._report(metric, self._class_aps(metric, found[metric]))
        return report

    def _class_aps(self, metric: str, found: list[dict[str, Any]]) -> NDArray[np.float64]:
        """(10, k, 4) AP by threshold, class and size of object; NaN without objects."""
        if metric == "segm":
            for one in found:
                one.pop("bbox", None)  # or its area, not the mask's, would decide the size
        # pycocotools cannot load an empty list.
        detections = self._coco_api.loadRes(found) if found else COCO()
        evaluation = COCOeval(self._coco_api, detections, metric)
        evaluation.params.catIds = self.cat_ids
        evaluation.params.imgIds = self.img_ids
        evaluation.params.maxDets = [_MAX_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
        # (threshold, recall, class, size, max detections), -1 without objects
        aps = evaluation.eval["precision"][..., 0].mean(axis=1)
        return np.where(aps < 0, np.nan, aps)

    def _report(self, metric: str, aps: NDArray[np.float64]) -> dict[str, float]:
        if self.classwise:
            names = [category["name"] for category in self._coco_api.loadCats(self.cat_ids)]
            print_log(f"{metric}:\n{class_table(names, aps[..., 0])}", "current")
        _, at = mean_aps(aps[..., 0])
        sizes = {f"{metric}_mAP{size}": mean_aps(aps[..., k])[0] for k, size in enumerate(_AREAS)}
        return sizes | {f"{metric}_mAP_{percent}": ap for percent, ap in at.items()}


def _number_from_1(coco: Any) -> None:
    """Number annotations anew: pycocotools loses objects of the id 0, or of one id."""
    for number, annotation in enumerate(coco.dataset["annotations"], start=1):
        annotation["id"] = number
    coco.createIndex()
    # MMDetection's names for the same.
    coco.img_ann_map, coco.cat_img_map = coco.imgToAnns, coco.catToImgs
