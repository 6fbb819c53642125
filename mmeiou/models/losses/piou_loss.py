"""Registered shell of the Powerful-IoU loss."""

from torch import Tensor

from mmeiou.functional.piou_loss import Version, check_options, piou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class PIoULoss(BoxLoss):
    """Powerful-IoU loss of Liu et al.; not the PIoU of rotated boxes.

    Formula and source: :func:`mmeiou.functional.piou_loss.piou_loss`.

    Args:
        version: ``'v1'`` without, ``'v2'`` with the attention.
        attention: ``lambda`` of the paper.
        detach_attention: Let the attention pass no gradient; the authors' code lets it.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        version: Version = "v2",
        attention: float = 1.3,
        detach_attention: bool = False,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(version)
        self.version = version
        self.attention = attention
        self.detach_attention = detach_attention

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return piou_loss(pred, target, self.version, self.attention, self.detach_attention)
