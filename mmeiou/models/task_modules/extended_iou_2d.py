"""Extended IoU for assigners."""

from typing import Any

from mmdet.models.task_modules.assigners import BboxOverlaps2D
from mmdet.structures.bbox import get_box_tensor
from torch import Tensor

from mmeiou.functional.extended_iou import extended_iou
from mmeiou.registry import TASK_UTILS


@TASK_UTILS.register_module()
class ExtendedIoU2D(BboxOverlaps2D):
    """IoU calculator whose mode ``'iou'`` goes on below zero for boxes that are apart.

    It ranks priors that touch no object by their distance. ``MaxIoUAssigner`` takes overlaps
    below zero for "not to be trained" under a single negative threshold: write
    ``neg_iou_thr=(-1.0, 0.4)`` with this calculator.

    Args:
        mirror_symmetric: Take the mirror-invariant extension.
    """

    def __init__(self, mirror_symmetric: bool = False) -> None:
        super().__init__()
        self.mirror_symmetric = mirror_symmetric

    def __call__(
        self, bboxes1: Any, bboxes2: Any, mode: str = "iou", is_aligned: bool = False
    ) -> Tensor:
        """Overlaps of ``(m, 4)`` and ``(n, 4)`` boxes, or ``(., 5)`` with scores.

        Args:
            bboxes1: Tensor or box type.
            bboxes2: Tensor or box type.
            mode: ``'iou'`` for the extended IoU; ``'iof'`` and ``'giou'`` are MMDetection's.
            is_aligned: Box by box instead of all pairs.

        Returns:
            ``(m, n)``, or ``(m,)`` if aligned.
        """
        if mode != "iou":
            return super().__call__(bboxes1, bboxes2, mode, is_aligned)
        first, second = (get_box_tensor(boxes)[..., :4] for boxes in (bboxes1, bboxes2))
        return extended_iou(
            first, second, aligned=is_aligned, mirror_symmetric=self.mirror_symmetric
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mirror_symmetric={self.mirror_symmetric})"
