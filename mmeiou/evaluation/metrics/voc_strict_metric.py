"""Pascal VOC AP at strict thresholds, computed in the evaluation loop."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.evaluation import VOCMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from mmeiou.evaluation.samples import require_finite
from mmeiou.evaluation.strict_ap import PERCENTS, class_table, mean_aps
from mmeiou.evaluation.voc_ap import ClassMatches, average_precisions, match_class
from mmeiou.registry import METRICS

# Boxes and labels of an image's objects, and its detections by class, as mmdet's metric keeps them.
_ImageResult = tuple[dict[str, NDArray[Any]], list[NDArray[np.float64]]]


@METRICS.register_module()
class VOCStrictMetric(VOCMetric):
    """AP of Pascal VOC from IoU 0.5 to 0.95 by both interpolations, from one run.

    The protocol is :mod:`mmeiou.evaluation.voc_ap`. Keys, each in [0, 1] and not rounded:
    ``voc/AP`` (mean over 0.50, 0.55, ..., 0.95), ``voc/AP50``, ``AP60``, ``AP70``, ``AP75``,
    ``AP80`` and ``AP90`` are areas under the curve; the same with ``_11p`` appended are 11-point
    interpolated, so that ``voc/AP50_11p`` is the number of VOC 2007's tables. Means over the
    classes that occur. NaN if none does.

    Detections are matched once for all thresholds and both interpolations. The data samples are
    as MMDetection's ``VOCMetric`` takes them: difficult objects in ``ignored_instances``.

    Args:
        classwise: Log a table of the areas of each class.
        collect_device: Where results of several processes meet, ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the result's keys, ``'voc'`` by default.
    """

    default_prefix = "voc"

    def __init__(
        self, classwise: bool = False, collect_device: str = "cpu", prefix: str | None = None
    ) -> None:
        super().__init__(
            iou_thrs=[percent / 100 for percent in PERCENTS],
            collect_device=collect_device,
            prefix=prefix,
        )
        self.classwise = classwise

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep the results of a batch.

        Raises:
            ValueError: Naming the image, if a box or score is not finite.
        """
        for sample in data_samples:
            require_finite(sample)
        super().process(data_batch, data_samples)

    def compute_metrics(self, results: list[_ImageResult]) -> dict[str, float]:
        """Evaluate the collected set.

        Args:
            results: What :meth:`process` kept, of all processes.
        """
        classes = self.dataset_meta["classes"]
        pairs = [
            average_precisions(_matches_of_class(results, label), self.iou_thrs)
            for label in range(len(classes))
        ]
        area, points = (np.stack(aps, axis=1) for aps in zip(*pairs, strict=True))
        if self.classwise:
            print_log("\n" + class_table(classes, area), "current")
        return _named(area, "") | _named(points, "_11p")


def _matches_of_class(results: list[_ImageResult], label: int) -> ClassMatches:
    return match_class(
        [found[label] for _, found in results],
        [truth["bboxes"][truth["labels"] == label] for truth, _ in results],
        [truth["bboxes_ignore"][truth["labels_ignore"] == label] for truth, _ in results],
    )


def _named(aps: NDArray[np.float64], suffix: str) -> dict[str, float]:
    mean, at = mean_aps(aps)
    return {f"AP{suffix}": mean} | {f"AP{key}{suffix}": ap for key, ap in at.items()}
