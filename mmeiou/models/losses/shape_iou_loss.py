"""Registered shell of the Shape-IoU loss."""

from torch import Tensor

from mmeiou.functional.shape_iou_loss import check_options, shape_iou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class ShapeIoULoss(BoxLoss):
    """Shape-IoU loss of Zhang and Zhang: penalties weighed by the shape of the target.

    Formula and source: :func:`mmeiou.functional.shape_iou_loss.shape_iou_loss`.

    Args:
        scale: Exponent of the target's sides, by the size of the objects; 0 leaves them out.
        theta: Exponent of the shape's terms.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        scale: float = 0.0,
        theta: float = 4.0,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(scale, theta)
        self.scale = scale
        self.theta = theta

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return shape_iou_loss(pred, target, self.scale, self.theta)
