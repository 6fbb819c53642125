"""What the losses of decoded boxes share: MMDetection's contract around a loss per box."""

from abc import ABC, abstractmethod

from mmdet.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

from mmeiou.models.losses.target_check import DecodedTargetCheck

_REDUCTIONS = ("none", "mean", "sum")


class BoxLoss(nn.Module, ABC):
    """Weighs, reduces and scales what a subclass computes per box.

    Args:
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If ``reduction`` is not one of those.
    """

    def __init__(self, reduction: str = "mean", loss_weight: float = 1.0) -> None:
        super().__init__()
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {_REDUCTIONS}, got {reduction!r}")
        self.reduction = reduction
        self.loss_weight = loss_weight
        self._check_target = DecodedTargetCheck()

    @abstractmethod
    def each(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """Loss of each box, not yet weighed.

        Args:
            pred: ``(n, 4)`` boxes x1 y1 x2 y2.
            target: The same.
            weight: ``(n,)``, for losses that look at all boxes at once; those of weight 0 do not
                count.

        Returns:
            ``(n,)``.
        """

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        **extras: Tensor | None,
    ) -> Tensor:
        """Loss of boxes against their targets, by MMDetection's contract.

        Args:
            pred: ``(n, 4)`` boxes x1 y1 x2 y2.
            target: ``(n, 4)`` boxes x1 y1 x2 y2.
            weight: ``(n,)`` or ``(n, 4)`` weights; of the latter the mean over the box is taken.
            avg_factor: What ``'mean'`` divides the sum by instead of ``n``.
            reduction_override: Reduction for this call.
            extras: What the subclass's ``each`` takes besides.

        Returns:
            A scalar, or ``(n,)`` for ``'none'``. The mean over no boxes is 0, with a graph.

        Raises:
            ValueError: If ``reduction_override`` is unknown, the shapes do not fit, or one of
                the first targets with a weight is not a box.
        """
        if reduction_override not in {None, *_REDUCTIONS}:
            raise ValueError(
                f"reduction_override must be one of {_REDUCTIONS}, got {reduction_override!r}"
            )
        reduction = reduction_override or self.reduction
        if weight is not None:
            if weight.shape not in {pred.shape, pred.shape[:-1]}:
                raise ValueError(
                    f"weight must have the shape {tuple(pred.shape[:-1])} or {tuple(pred.shape)}, "
                    f"got {tuple(weight.shape)}"
                )
            if weight.dim() == pred.dim():
                weight = weight.mean(dim=-1)
        loss = self.each(pred, target, weight, **extras)
        self._check_target(target, weight)
        if avg_factor is None and reduction == "mean" and len(pred) == 0:
            reduction = "sum"  # instead of 0 / 0
        return self.loss_weight * weight_reduce_loss(loss, weight, reduction, avg_factor)
