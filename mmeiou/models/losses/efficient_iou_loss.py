"""Registered shell of the Efficient-IoU loss."""

from torch import Tensor

from mmeiou.functional.efficient_iou_loss import check_options, efficient_iou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class EfficientIoULoss(BoxLoss):
    """Efficient-IoU loss of Zhang et al., elsewhere called EIoU; here that is the extended one.

    Formula and source: :func:`mmeiou.functional.efficient_iou_loss.efficient_iou_loss`.

    Args:
        gamma: Exponent of the weight by the IoU; 0.5 for Focal-EIoU.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        gamma: float = 0.0,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(gamma)
        self.gamma = gamma

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return efficient_iou_loss(pred, target, self.gamma)
