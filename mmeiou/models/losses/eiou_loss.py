"""Registered shell of the extended IoU loss."""

from mmdet.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

from mmeiou.functional.eiou_loss import Sot, check_options, eiou_loss
from mmeiou.models.losses.target_check import DecodedTargetCheck
from mmeiou.registry import MODELS

_REDUCTIONS = ("none", "mean", "sum")


@MODELS.register_module()
class EIoULoss(nn.Module):
    """Extended IoU loss of Peng and Yu, not the *Efficient* IoU of the same abbreviation.

    Formula, source and the options of the method: :func:`mmeiou.functional.eiou_loss.eiou_loss`.

    Args:
        smooth_point: Knee of the loss in (0, 1].
        sot: Steady optimization: ``'prior'`` where the head passes ``prior_area`` (the heads of
            mmeiou do), ``'target'`` in any other head, None for none.
        mirror_symmetric: Take the mirror-invariant extension.
        eps: Added to the union.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If ``smooth_point``, ``sot`` or ``reduction`` is not one of those.
    """

    def __init__(
        self,
        smooth_point: float = 0.1,
        sot: Sot | None = None,
        mirror_symmetric: bool = False,
        eps: float = 1e-12,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_options(smooth_point, sot)
        if reduction not in _REDUCTIONS:
            raise ValueError(f"reduction must be one of {_REDUCTIONS}, got {reduction!r}")
        self.smooth_point = smooth_point
        self.sot = sot
        self.mirror_symmetric = mirror_symmetric
        self.eps = eps
        self.reduction = reduction
        self.loss_weight = loss_weight
        self._check_target = DecodedTargetCheck()

    @property
    def needs_prior_area(self) -> bool:
        """Whether a head must pass ``prior_area``."""
        return self.sot == "prior"

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        prior_area: Tensor | None = None,
    ) -> Tensor:
        """Loss of boxes against their targets, by MMDetection's contract.

        Args:
            pred: ``(n, 4)`` boxes x1 y1 x2 y2.
            target: ``(n, 4)`` boxes x1 y1 x2 y2.
            weight: ``(n,)`` or ``(n, 4)`` weights; of the latter the mean over the box is taken.
            avg_factor: What ``'mean'`` divides the sum by instead of ``n``.
            reduction_override: Reduction for this call.
            prior_area: ``(n,)`` areas of the priors, for ``sot='prior'``.

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
        loss = eiou_loss(
            pred,
            target,
            smooth_point=self.smooth_point,
            sot=self.sot,
            prior_area=prior_area if self.needs_prior_area else None,
            mirror_symmetric=self.mirror_symmetric,
            eps=self.eps,
        )
        self._check_target(target, weight)
        if avg_factor is None and reduction == "mean" and len(pred) == 0:
            reduction = "sum"  # instead of 0 / 0
        return self.loss_weight * weight_reduce_loss(loss, weight, reduction, avg_factor)
