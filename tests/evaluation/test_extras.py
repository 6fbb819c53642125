"""Names of what is reported beside AP, and of sizes."""

import math
import re
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from mmeiou.evaluation.extras import EXTRAS, area_ranges, checked_extras
from mmeiou.registry import METRICS


def test_extras_by_name() -> None:
    assert checked_extras(EXTRAS) == set(EXTRAS)
    assert checked_extras("lrp") == {"lrp"}
    with pytest.raises(ValueError, match=r"must be of \('lrp'.*, got LRP"):
        checked_extras(["lrp", "LRP"])


def test_sizes_meet() -> None:
    assert area_ranges((16, 100)) == {"_s": (0, 16), "_m": (16, 100), "_l": (100, math.inf)}
    for bad in ((16,), (100, 16), (0, 16)):
        with pytest.raises(ValueError, match="two rising areas"):
            area_ranges(bad)


def test_the_page_names_every_key_of_the_metrics(repo: Path) -> None:
    one = InstanceData(
        bboxes=torch.tensor([[0.0, 0, 9, 9]]),
        labels=torch.zeros(1, dtype=torch.long),
        scores=torch.ones(1),
        iou_scores=torch.ones(1),
    )
    sample = DetDataSample(gt_instances=one, ignored_instances=one[:0], pred_instances=one)
    keys = {}
    for extras in ((), *((extra,) for extra in EXTRAS)):
        metric = METRICS.build({"type": "mmeiou.VOCStrictMetric", "extras": extras})
        metric.dataset_meta = {"classes": ("cat",)}
        metric.process({}, [sample.to_dict()])
        keys[extras] = set(metric.evaluate(1))
    page = (repo / "docs/analysis.md").read_text()
    for extra in EXTRAS:
        (row,) = re.findall(rf"^\| `{extra}` \| (.*?) \|", page, re.MULTILINE)
        assert set(re.findall(r"`(voc/\w+)`", row)) == keys[extra,] - keys[()]
