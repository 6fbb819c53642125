"""Registered shell of the Inner-IoU loss."""

from torch import Tensor

from mmeiou.functional.box_pairs import Base
from mmeiou.functional.inner_iou_loss import check_options, inner_iou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class InnerIoULoss(BoxLoss):
    """Inner-IoU loss of Zhang et al.: the IoU of boxes scaled about their centres.

    Formula and source: :func:`mmeiou.functional.inner_iou_loss.inner_iou_loss`.

    Args:
        ratio: Factor of width and height: below 1 for boxes that overlap well, above for tiny ones.
        base: ``'iou'``, ``'giou'``, ``'diou'`` or ``'ciou'``.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        ratio: float = 0.75,
        base: Base = "iou",
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(ratio, base)
        self.ratio = ratio
        self.base = base

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return inner_iou_loss(pred, target, self.ratio, self.base)
