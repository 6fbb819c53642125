"""A measure that the last bit of every weight moves; AP is 0 for what was hardly trained."""

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS


@METRICS.register_module()
class SumOfScores(BaseMetric):
    default_prefix = "faces"

    def process(self, _data_batch: Any, data_samples: Sequence[Any]) -> None:
        self.results += [float(one["pred_instances"]["scores"].sum()) for one in data_samples]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {"score": sum(results)}
