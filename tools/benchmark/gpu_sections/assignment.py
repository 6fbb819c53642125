"""Whether SimOTA assigns as it does on the CPU, and as MMDetection's does."""

from typing import Any, NamedTuple

import torch
from assignment import ASSIGNERS, STRIDES, crowd
from mmengine.structures import InstanceData
from torch import Tensor

from gpu_sections.report import Report, Setting
from mmeiou.functional.priors import prior_centres
from mmeiou.models.dense_heads.yunet_outputs import flatten_outputs
from mmeiou.registry import TASK_UTILS


class Case(NamedTuple):
    """What an assigner is given for a batch."""

    priors: Tensor
    boxes: Tensor
    scores: Tensor
    gts: list[InstanceData]

    def to(self, device: str, dtype: torch.dtype) -> "Case":
        """The same numbers elsewhere."""
        gts = [
            InstanceData(bboxes=gt.bboxes.to(device, dtype), labels=gt.labels.to(device))
            for gt in self.gts
        ]
        priors, boxes, scores = (
            tensor.to(device, dtype) for tensor in (self.priors, self.boxes, self.scores)
        )
        return Case(priors, boxes, scores, gts)


def make_case(images: int, faces: int) -> Case:
    """Of an early training stage, on the CPU."""
    maps, gts = crowd(images, faces)
    flat = flatten_outputs(STRIDES, *maps)
    scores = (flat.cls.sigmoid() * flat.obj.sigmoid().unsqueeze(-1)).sqrt()
    return Case(prior_centres(flat.priors), flat.bboxes, scores, gts)


def build_assigners() -> dict[str, Any]:
    """``"MMDetection's"`` and ``"ours"``."""
    return {name: TASK_UTILS.build({"type": kind}) for name, kind in ASSIGNERS.items()}


def one_by_one(assigner: Any, case: Case) -> Tensor:
    """MMDetection's assigner knows single images only: ``(B, P)`` index of the face, or -1."""
    results = [
        assigner.assign(InstanceData(bboxes=boxes, scores=scores, priors=case.priors), gt)
        for boxes, scores, gt in zip(case.boxes, case.scores, case.gts, strict=True)
    ]
    return torch.stack([result.gt_inds.cpu() - 1 for result in results])


def compare(setting: Setting, report: Report) -> None:
    """Priors that answer for another face."""
    assigners = build_assigners()
    add = report.table(
        "images x faces",
        "positives",
        "others than the CPU's, float64",
        "others than the CPU's, float32",
        "others than MMDetection's, float32",
    )
    for images, faces in setting.pick([(16, 10), (16, 100), (16, 500)], [(2, 10), (1, 50)]):
        name = f"{images} x {faces}"
        with report.trying(name):
            case = make_case(images, faces)
            counts, positives = [], 1
            for dtype in (torch.float64, torch.float32):
                here, there = (
                    assigners["ours"].assign_batch(*case.to(device, dtype))[0].cpu()
                    for device in ("cpu", setting.device)
                )
                counts.append(int((here != there).sum()))
                positives = max(1, int((here >= 0).sum()))
            theirs = one_by_one(assigners["MMDetection's"], case.to(setting.device, torch.float32))
            counts.append(int((there != theirs).sum()))
            add(name, positives, *counts)
            report.check(f"{name}, float64: others than the CPU's", counts[0], 0)
            # Rounding decides between equally cheap priors.
            report.check(f"{name}, float32: share of positives", max(counts[1:]) / positives, 1e-2)
