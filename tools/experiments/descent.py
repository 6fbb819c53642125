"""Boxes that a loss alone moves: cases, and gradient descent on all of them at once."""

import sys
from pathlib import Path
from typing import NamedTuple

import mmeiou  # noqa: F401 # isort: skip - first, it gives MMCV's operators to MMDetection
import torch
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder
from torch import Tensor

from mmeiou.functional.boxes import box_area, box_centre, box_iou, box_size

sys.path += [str(Path(__file__).resolve().parents[1] / name) for name in ("analysis", "benchmark")]
from box_losses import IMG_SIDE, TARGET_SIDE, Contender
from plot_losses import prior_target_pairs

LAST = 0.2  # share of the steps at the end that are a tenth as long


class Cases(NamedTuple):
    """Priors and the targets that they shall reach.

    Attributes:
        priors: ``(n, 4)`` boxes x1 y1 x2 y2 in pixels.
        targets: The same.
    """

    priors: Tensor
    targets: Tensor

    @property
    def offset(self) -> Tensor:
        """``(n, 2)`` of the prior's centre from the target's, in roots of the target's area."""
        return (box_centre(self.priors) - box_centre(self.targets)) / TARGET_SIDE

    @property
    def iou(self) -> Tensor:
        """``(n,)`` at the start."""
        return box_iou(self.priors, self.targets)

    @property
    def scale(self) -> Tensor:
        """``(n,)`` area of the prior in areas of the target."""
        return box_area(self.priors) / box_area(self.targets)

    @property
    def aspect(self) -> Tensor:
        """``(n,)`` ratio of the two aspect ratios, 1 or above."""
        (width, height), (width_t, height_t) = (box_size(b).unbind(-1) for b in self)
        ratio = width / height * height_t / width_t
        return torch.maximum(ratio, 1 / ratio)


def make_cases(count: int, seed: int) -> Cases:
    """Pairs of :func:`plot_losses.prior_target_pairs`, the target 32 x 32 pixels large."""
    priors, targets = prior_target_pairs(count, torch.Generator().manual_seed(seed))
    middle = IMG_SIDE / 2 - 10 * TARGET_SIDE  # where those have the centre of the targets
    return Cases(*(boxes * TARGET_SIDE + middle for boxes in (priors, targets)))


class Outcome(NamedTuple):
    """What became of the cases.

    Attributes:
        curve: ``(points,)`` sum of the IoUs at the start and after every :func:`interval` steps.
        half: ``(n,)`` IoU after half of the steps.
        final: ``(n,)`` IoU at the end.
    """

    curve: Tensor
    half: Tensor
    final: Tensor


def interval(steps: int) -> int:
    """Steps from a point of a curve to the next."""
    return max(1, steps // 50)


def descend(contender: Contender, cases: Cases, step: float, steps: int) -> Outcome:
    """Move the priors by their encoded deltas, each down the gradient of its own loss.

    The last fifth of the steps is a tenth as long. A box that is no number any more has IoU 0.
    """
    loss, coder = contender.build(), DeltaXYWHBBoxCoder()
    priors, targets = cases
    extras = {"prior_area": box_area(priors)} if contender.by_prior else {}
    goal = coder.encode(priors, targets) if contender.on_deltas else targets
    deltas = torch.zeros_like(priors)
    curve, half = [], cases.iou
    for index in range(steps + 1):
        deltas.requires_grad_()
        boxes = coder.decode(priors, deltas)
        if index % interval(steps) == 0 or index in {steps // 2, steps}:
            iou = box_iou(boxes.detach(), targets).nan_to_num(0)
            half = iou if index == steps // 2 else half
            if index % interval(steps) == 0:
                curve.append(iou.sum())
        if index == steps:
            break
        pred = deltas if contender.on_deltas else boxes
        each = loss(pred, goal, reduction_override="none", **extras)
        (gradient,) = torch.autograd.grad(each.sum(), deltas)
        length = step if index < (1 - LAST) * steps else step / 10
        deltas = (deltas - length * gradient).detach()
    return Outcome(torch.stack(curve), half, iou)
