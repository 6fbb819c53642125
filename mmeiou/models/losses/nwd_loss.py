"""Registered shell of the NWD loss."""

from torch import Tensor

from mmeiou.functional.nwd_loss import check_options, nwd_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class NWDLoss(BoxLoss):
    """Loss of Wang et al. by the normalized Wasserstein distance of Gaussians, for tiny objects.

    Formula and source: :func:`mmeiou.functional.nwd_loss.nwd_loss`.

    Args:
        constant: Mean size of the objects in pixels.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        constant: float = 12.8,
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(constant)
        self.constant = constant

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return nwd_loss(pred, target, self.constant)
