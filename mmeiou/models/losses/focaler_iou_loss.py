"""Registered shell of the Focaler-IoU loss."""

from torch import Tensor

from mmeiou.functional.box_pairs import Base
from mmeiou.functional.focaler_iou_loss import check_options, focaler_iou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class FocalerIoULoss(BoxLoss):
    """Focaler-IoU loss of Zhang and Zhang: the IoU stretched from an interval.

    Formula and source: :func:`mmeiou.functional.focaler_iou_loss.focaler_iou_loss`.

    Args:
        lower: IoU up to which boxes count as bad; ``d`` of the paper.
        upper: IoU from which boxes count as good; ``u`` of the paper.
        base: ``'iou'``, ``'giou'``, ``'diou'`` or ``'ciou'``.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        lower: float = 0.0,
        upper: float = 0.95,
        base: Base = "iou",
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(lower, upper, base)
        self.lower = lower
        self.upper = upper
        self.base = base

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return focaler_iou_loss(pred, target, self.lower, self.upper, self.base)
