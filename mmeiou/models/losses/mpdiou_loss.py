"""Registered shell of the MPDIoU loss."""

from torch import Tensor

from mmeiou.functional.mpdiou_loss import check_options, mpdiou_loss
from mmeiou.models.losses.box_loss import BoxLoss
from mmeiou.registry import MODELS


@MODELS.register_module()
class MPDIoULoss(BoxLoss):
    """MPDIoU loss of Ma and Xu: the IoU and the distances of the corners.

    No head tells its box loss the size of the images. The config does: ``img_size`` is what the
    training pipeline's ``Resize`` has for ``scale``. It is one number for all images, and takes no
    notice of how they are padded.

    Formula and source: :func:`mmeiou.functional.mpdiou_loss.mpdiou_loss`.

    Args:
        img_size: Width and height of the images in pixels, in either order.
        reduction: ``'none'``, ``'mean'`` or ``'sum'``.
        loss_weight: Factor of the loss.

    Raises:
        ValueError: If an option is out of range.
    """

    def __init__(
        self,
        img_size: tuple[float, float],
        reduction: str = "mean",
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_options(img_size)
        self.img_size = img_size

    def each(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,  # noqa: ARG002 - each box by itself
    ) -> Tensor:
        """Loss of each box."""
        return mpdiou_loss(pred, target, self.img_size)
