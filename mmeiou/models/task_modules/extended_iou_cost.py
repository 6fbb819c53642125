"""Extended IoU as a cost of set matching."""

from typing import Any

from mmdet.models.task_modules.assigners.match_cost import BaseMatchCost
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.functional.extended_iou import extended_iou
from mmeiou.registry import TASK_UTILS


@TASK_UTILS.register_module()
class ExtendedIoUCost(BaseMatchCost):
    """``-weight * EIoU`` of every prediction with every object, for DETR-style assigners.

    The constant 1 of ``1 - EIoU`` does not change a matching and is left out, as MMDetection does.

    Args:
        weight: Factor of the cost.
        mirror_symmetric: Take the mirror-invariant extension.
    """

    def __init__(self, weight: float = 1.0, mirror_symmetric: bool = False) -> None:
        super().__init__(weight=weight)
        self.mirror_symmetric = mirror_symmetric

    def __call__(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict[str, Any] | None = None,  # noqa: ARG002 - MMDetection's signature
        **_: Any,
    ) -> Tensor:
        """Costs ``(m, n)`` of ``m`` predicted and ``n`` true boxes x1 y1 x2 y2."""
        eiou = extended_iou(
            pred_instances.bboxes,
            gt_instances.bboxes,
            aligned=False,
            mirror_symmetric=self.mirror_symmetric,
        )
        return -self.weight * eiou
