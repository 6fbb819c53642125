"""SimOTA and EIoU beside MMDetection's, on the same device."""

import statistics
import time
from typing import Any

import torch
from assignment import ASSIGNERS, crowd, step
from losses import contenders, median_seconds
from torch import Tensor

from gpu_sections.report import Report, Setting
from gpu_sections.timing import wait
from mmeiou.functional.eiou_loss import eiou_loss_definition
from mmeiou.registry import MODELS


def measure(setting: Setting, report: Report) -> None:
    """Both, in turns."""
    with report.trying("SimOTA"):
        _simota(setting, report)
    with report.trying("EIoU"):
        _eiou(setting, report)


def _simota(setting: Setting, report: Report) -> None:
    heads: dict[str, Any] = {
        name: MODELS.build(
            {
                "type": "mmeiou.YuNetHead",
                "num_classes": 1,
                "in_channels": 64,
                "train_cfg": {"assigner": {"type": kind}},
            }
        ).to(setting.device)
        for name, kind in ASSIGNERS.items()
    }
    add = report.table(
        "SimOTA, losses, gradients: images x faces",
        "MMDetection's, ms",
        "ours, ms",
        "times as fast",
    )
    for images, faces in setting.pick([(16, 10), (16, 100), (16, 500)], [(2, 10)]):
        maps, gts = crowd(images, faces)
        maps = [[level.to(setting.device) for level in branch] for branch in maps]
        gts = [gt.to(setting.device) for gt in gts]
        spent: dict[str, list[float]] = {name: [] for name in heads}
        totals = {}
        for turn in range(setting.pick(6, 2)):
            for name, head in heads.items():
                wait(setting)
                begin = time.perf_counter()
                totals[name] = step(head, maps, gts)
                if turn:
                    spent[name].append(time.perf_counter() - begin)
        theirs, ours = (1e3 * statistics.median(spent[name]) for name in ASSIGNERS)
        add(f"{images} x {faces}", theirs, ours, theirs / ours)
        one, other = totals.values()
        report.check(f"{images} x {faces}: losses, relative", abs(one - other) / one, 1e-2)


def _plain(pred: Tensor, target: Tensor, weight: Tensor, avg_factor: float) -> Tensor:
    return (eiou_loss_definition(pred, target) * weight).sum() / avg_factor


def _eiou(setting: Setting, report: Report) -> None:
    known = contenders(setting.device)
    losses = {"mmdet EIoU": known["mmdet EIoU"], "plain": _plain, "fused": known["EIoU"]}
    names = {"mmdet EIoU": "MMDetection's", "plain": "ours, plain", "fused": "ours, fused"}
    add = report.table("EIoU, forward and backward, ms: pairs", *names.values(), "fused of theirs")
    for pairs in setting.pick((10_000, 100_000, 1_000_000), (1000,)):
        seconds = median_seconds(losses, pairs, setting.pick(0.5, 0.05), setting.device)
        times = [1e3 * seconds[name] for name in names]
        add(f"{pairs:,}", *times, times[-1] / times[0])
    if setting.cuda:
        torch.cuda.empty_cache()
