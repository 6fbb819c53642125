"""The head of YuNet with an IoU branch."""

from typing import Any

from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.functional.score_fusion import fuse_scores
from mmeiou.models.dense_heads.yunet_head import YuNetHead
from mmeiou.models.dense_heads.yunet_outputs import FlatMaps, FlatOutputs
from mmeiou.models.dense_heads.yunet_targets import Targets
from mmeiou.models.iou_branch import IoUBranchMixin
from mmeiou.registry import MODELS


@MODELS.register_module()
class YuNetIoUHead(IoUBranchMixin, YuNetHead):
    """``YuNetHead`` with a predicted IoU per prior, a DP unit per level in ``multi_level_iou``.

    The authors' anchor-based detector of before 2022-10 had such a branch; putting it here is our
    reading. It carries the quality of the box, so the target of the classification is 1 instead of
    the IoU, and a prediction scores ``(cls * obj) ** (1 - a) * iou ** a``, to which ``score_thr``
    applies, and carries ``iou_scores``. ``forward`` returns the ``(B, 1, H, W)`` IoU maps of the
    levels last. Options: those of ``YuNetHead`` and of
    :class:`mmeiou.models.iou_branch.IoUBranchMixin`.
    """

    priors_are_boxes = False

    def _init_layers(self, *args: Any) -> None:
        super()._init_layers(*args)
        self.multi_level_iou = self._predictor(1)

    def _predictors(self, level: int) -> list[Any]:
        return [*super()._predictors(level), self.multi_level_iou[level]]

    def _cls_targets(self, targets: Targets) -> Tensor:
        return targets.cls

    def _losses(self, flat: FlatOutputs, targets: Targets) -> dict[str, Tensor]:
        losses = super()._losses(flat, targets)
        losses["loss_iou"] = self._iou_loss(
            flat.iou.flatten()[targets.positive],
            flat.bboxes.flatten(0, 1)[targets.positive],
            targets.bboxes,
        )
        return losses

    def _scored(self, outputs: FlatMaps) -> InstanceData:
        scored = super()._scored(outputs)
        scored.iou_scores = self.predicted_iou(outputs.iou.squeeze(-1))
        scored.scores = fuse_scores(scored.scores, scored.iou_scores, self.iou_fusion)
        return scored
