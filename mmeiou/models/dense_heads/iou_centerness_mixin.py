"""An IoU branch in the place of centerness, or beside it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmeiou.functional.score_fusion import fuse_scores
from mmeiou.models.dense_heads.iou_head_mixin import IoUHeadMixin


class CenternessIoUHeadMixin(IoUHeadMixin):
    """An IoU branch for heads that have centerness.

    The box loss keeps its weights either way: centerness as computed from the ground truth. The
    head's own ``loss_by_feat`` must take levels whose centerness is None.

    Args:
        *args: Of the head.
        keep_centerness: If False, the IoU branch replaces centerness: neither its layer nor
            its loss exists, and the score is ``cls ** (1 - a) * iou ** a``. If True, it joins it:
            ``(cls * centerness) ** (1 - a) * iou ** a``; predictions then lack ``iou_scores``.
        **kwargs: Of the head and of the branch.
    """

    centerness_predictor: ClassVar[str]

    def __init__(self, *args: Any, keep_centerness: bool = False, **kwargs: Any) -> None:
        self.keep_centerness = keep_centerness
        super().__init__(*args, **kwargs)

    def _init_layers(self) -> None:
        super()._init_layers()
        if not self.keep_centerness:
            setattr(self, self.centerness_predictor, nn.Identity())

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], ...]:
        """Classification, box and IoU maps of the levels, then centerness if it is kept."""
        outputs = super().forward(x)
        return outputs if self.keep_centerness else outputs[:3]

    def loss_by_feat(
        self,
        cls_scores: Sequence[Tensor],
        bbox_preds: Sequence[Tensor],
        iou_preds: Sequence[Tensor],
        *rest: Any,
    ) -> dict[str, Any]:
        """Losses of the head and ``loss_iou``; ``loss_centerness`` only if it is kept."""
        if self.keep_centerness:
            return super().loss_by_feat(cls_scores, bbox_preds, iou_preds, *rest)
        nothing = [None] * len(iou_preds)  # for whose loss the head then returns nothing
        losses = super().loss_by_feat(cls_scores, bbox_preds, iou_preds, nothing, *rest)
        del losses["loss_centerness"]
        return losses

    def _score_factor(self, iou_preds: Tensor, *centerness: Tensor) -> Tensor:
        iou = super()._score_factor(iou_preds)
        for logits in centerness:
            iou = fuse_scores(logits.to(iou.dtype).sigmoid(), iou, self.iou_fusion)
        return iou

    def _fuse(self, results: InstanceData) -> None:
        if self.keep_centerness:
            # MMDetection multiplies by the rest of the fused score, which is in score_factors.
            results.scores = results.scores.pow(1 - self.iou_fusion)
        else:
            super()._fuse(results)
