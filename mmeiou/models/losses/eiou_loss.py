"""Registered shell of the extended IoU loss."""

from torch import Tensor

from mmeiou.functional.eiou_loss import Sot, check_options, eiou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class EIoULoss(BoxLoss):
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
        super().__init__(reduction, loss_weight)
        check_options(smooth_point, sot)
        self.smooth_point = smooth_point
        self.sot = sot
        self.mirror_symmetric = mirror_symmetric
        self.eps = eps

    @property
    def needs_prior_area(self) -> bool:
        """Whether a head must pass ``prior_area``."""
        return self.sot == "prior"

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
        prior_area: Tensor | None = None,
    ) -> Tensor:
        """Loss of each box; ``prior_area``, ``(n,)``, is for ``sot='prior'``."""
        return eiou_loss(
            pred,
            target,
            smooth_point=self.smooth_point,
            sot=self.sot,
            prior_area=prior_area if self.needs_prior_area else None,
            mirror_symmetric=self.mirror_symmetric,
            eps=self.eps,
        )
