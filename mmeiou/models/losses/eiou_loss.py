"""Registered shell of the extended IoU loss."""

from mmdet.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.registry import MODELS

_REDUCTIONS = ("none", "mean", "sum")


@MODELS.register_module()
class EIoULoss(nn.Module):
    """Extended IoU loss of Peng and Yu, not the *Efficient* IoU of the same abbreviation.

    Formula and source: :func:`mmeiou.functional.eiou_loss.eiou_loss`.

    Args:
        smooth_point: Knee of the loss in (0, 1].
        eps: Lower bound of the union.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If ``smooth_point`` or ``reduction`` is not one of those.
    """

    def __init__(
        self,
        smooth_point: float = 0.1,
        eps: float = 1e-6,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 < smooth_point <= 1:
            raise ValueError(f"smooth_point must be in (0, 1], got {smooth_point}")
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {_REDUCTIONS}, got {reduction!r}")
        self.smooth_point = smooth_point
        self.eps = eps
        self.reduction = reduction
        self.loss_weight = loss_weight

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Loss of ``(n, 4)`` boxes against their targets, by MMDetection's contract.

        Args:
            pred: ``(n, 4)`` boxes x1 y1 x2 y2.
            target: ``(n, 4)`` boxes x1 y1 x2 y2.
            weight: ``(n,)`` or ``(n, 4)`` weights; of the latter the mean over the box is taken.
            avg_factor: What ``'mean'`` divides the sum by instead of ``n``.
            reduction_override: Reduction for this call.

        Raises:
            ValueError: If ``reduction_override`` is unknown.
        """
        if reduction_override not in {None, *_REDUCTIONS}:
            raise ValueError(
                f"reduction_override must be one of {_REDUCTIONS}, got {reduction_override!r}"
            )
        reduction = reduction_override or self.reduction
        if weight is not None and weight.dim() == pred.dim():
            weight = weight.mean(dim=-1)
        loss = eiou_loss(pred, target, smooth_point=self.smooth_point, eps=self.eps)
        return self.loss_weight * weight_reduce_loss(loss, weight, reduction, avg_factor)
