"""Registered shell of the Alpha-IoU loss."""

from torch import Tensor

from mmeiou.functional.alpha_iou_loss import alpha_iou_loss, check_options
from mmeiou.functional.box_pairs import Base
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class AlphaIoULoss(BoxLoss):
    """Alpha-IoU loss of He et al.: the terms of a base loss to a power.

    Formula and source: :func:`mmeiou.functional.alpha_iou_loss.alpha_iou_loss`.

    Args:
        alpha: Exponent, 1 or above.
        base: ``'iou'``, ``'giou'``, ``'diou'`` or ``'ciou'``.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        alpha: float = 3.0,
        base: Base = "iou",
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(alpha, base)
        self.alpha = alpha
        self.base = base

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return alpha_iou_loss(pred, target, self.alpha, self.base)
