"""Registered shell of the Wise-IoU loss, and the running mean of its version 3."""

from typing import Literal, get_args

import torch
from torch import Tensor

from mmeiou.functional.box_pairs import box_pairs, pair_iou
from mmeiou.functional.wiou_loss import check_options, wiou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS

Version = Literal["v1", "v3"]


@MODELS.register_module()
class WIoULoss(BoxLoss):
    """Wise-IoU loss of Tong et al.

    Formula and source: :func:`mmeiou.functional.wiou_loss.wiou_loss`.

    Version 3 compares each box with a running mean of ``1 - IoU``, which begins at 1. In training
    each call moves it towards the mean of its boxes, before it is used; boxes of weight 0 do not
    count, and a call without any leaves it. A dense head calls once a level. The paper sets the
    momentum to ``1 - 0.05^(1 / (t n))``, with ``n`` iterations an epoch and ``t`` the epoch from
    which the AP grows slowly; the default, of the authors' later code, is that of ``t n = 300``.

    The mean is a buffer: saved, resumed, moved with the model. With several processes each keeps
    that of its own boxes (MMEngine broadcasts no buffers), and the checkpoint that of the first.
    They are not averaged: a head may leave out its loss in a process without positives, and the
    others would wait for it for ever.

    Args:
        version: ``'v1'`` without, ``'v3'`` with the factor by the running mean.
        momentum: Share of a call's boxes in the mean, in (0, 1].
        alpha: Base of the factor, above 1.
        delta: Outlier degree whose factor is 1, above 0.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    mean_iou_loss: Tensor

    def __init__(
        self,
        version: Version = "v3",
        momentum: float = 0.01,
        alpha: float = 1.9,
        delta: float = 3.0,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(alpha, delta)
        if version not in get_args(Version):
            raise ValueError(f"version must be one of {get_args(Version)}, got {version!r}")
        if not 0 < momentum <= 1:
            raise ValueError(f"momentum must be in (0, 1], got {momentum}")
        self.version = version
        self.momentum = momentum
        self.alpha = alpha
        self.delta = delta
        if version == "v3":
            self.register_buffer("mean_iou_loss", torch.ones(()))

    def each(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Loss of each box; version 3 updates its mean in training."""
        if self.version == "v1":
            return wiou_loss(pred, target)
        if self.training:
            self._update_mean(pred.detach(), target.detach(), weight)
        return wiou_loss(pred, target, self.mean_iou_loss, self.alpha, self.delta)

    def _update_mean(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> None:
        iou_loss = 1 - pair_iou(*box_pairs(pred, target))
        counted = torch.ones_like(iou_loss) if weight is None else (weight > 0).to(iou_loss.dtype)
        count = counted.sum()
        mean = (iou_loss * counted).sum() / count.clamp(min=1)
        step = self.momentum * (mean - self.mean_iou_loss)
        self.mean_iou_loss += torch.where(count > 0, step, 0).to(self.mean_iou_loss.dtype)
