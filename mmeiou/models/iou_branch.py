"""What every head with an IoU branch shares: options, target, loss and reading of its output."""

from typing import Any, ClassVar

import torch
from mmdet.utils import reduce_mean
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from torch import Tensor

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.score_fusion import check_fusion_exponent
from mmeiou.registry import MODELS

_TARGETS = ("decoded", "prior")
SMOOTH_L1 = {"type": "mmdet.SmoothL1Loss", "beta": 1.0, "loss_weight": 1.0}


class IoUBranchMixin(BaseModule):
    """Options and loss of a branch that predicts the IoU of a box with its ground truth.

    The branch is trained on positives only: the losses are summed and divided by their number,
    averaged over the processes. The authors' face detector of before 2022-10 has a linear output
    and smooth-L1 (beta 1, weight 1), the defaults here, and the IoU of the *prior* for its target.
    The IoU of the currently decoded box, the other exponents and the other losses are our reading
    or our options.

    Args:
        *args: Of the head.
        iou_target: ``'decoded'``: the IoU of the box that the head now predicts; ``'prior'``: the
            IoU of the prior, for heads whose priors are boxes.
        detach_iou_target: Whether ``loss_iou`` leaves the box branch alone. If False, its gradient
            reaches the predicted boxes through the target.
        iou_fusion: ``a`` in [0, 1] of the score ``cls ** (1 - a) * iou ** a``, before NMS.
        loss_iou: Config of the loss on predicted and true IoU, both ``(n,)``. With one that has
            ``use_sigmoid=True`` the output is a logit; with any other it is the IoU, unclamped in
            training and clamped to [0, 1] for the score. None, where the head allows it: no branch.
        **kwargs: Of the head.

    Raises:
        ValueError: If ``iou_target`` or ``iou_fusion`` is not one of those, ``loss_iou`` is a
            softmax, or ``reg_decoded_bbox=False`` gives offsets to a box loss that compares boxes.
    """

    priors_are_boxes: ClassVar[bool] = True
    branch_is_optional: ClassVar[bool] = False
    loss_bbox: Any

    def __init__(
        self,
        *args: Any,
        iou_target: str = "decoded",
        detach_iou_target: bool = True,
        iou_fusion: float = 0.5,
        loss_iou: ConfigDict | dict[str, Any] | None = SMOOTH_L1,
        **kwargs: Any,
    ) -> None:
        if iou_target not in _TARGETS:
            raise ValueError(f"iou_target must be one of {_TARGETS}, got {iou_target!r}")
        if iou_target == "prior" and not self.priors_are_boxes:
            raise ValueError(
                f"the priors of {type(self).__name__} are points, which have no IoU: write "
                "iou_target='decoded'"
            )
        check_fusion_exponent(iou_fusion)
        super().__init__(*args, **kwargs)
        self.iou_target = iou_target
        self.detach_iou_target = detach_iou_target
        self.iou_fusion = iou_fusion
        self.loss_iou = MODELS.build(loss_iou) if loss_iou else None
        self._check_losses()

    def _check_losses(self) -> None:
        if self.loss_iou is None and not self.branch_is_optional:
            raise ValueError(
                f"{type(self).__name__} is there for its IoU branch: give it a loss_iou, or take "
                "the head without one"
            )
        if getattr(self.loss_iou, "use_sigmoid", None) is False:
            raise ValueError(
                f"loss_iou {type(self.loss_iou).__name__} is a softmax over classes, but an IoU is "
                "one number: write use_sigmoid=True, or a regression loss"
            )
        box_loss = type(self.loss_bbox).__name__
        if box_loss.endswith("IoULoss") and not getattr(self, "reg_decoded_bbox", True):
            raise ValueError(
                f"{box_loss} compares boxes, but {type(self).__name__} would give it encoded "
                "deltas: write reg_decoded_bbox=True"
            )

    def _iou_loss(
        self, iou_preds: Tensor, bboxes: Tensor, gt_bboxes: Tensor, **kwargs: Any
    ) -> Tensor:
        """Loss of the outputs for the positives; zero, with a gradient, if there are none.

        Args:
            iou_preds: ``(n,)`` outputs of the branch.
            bboxes: ``(n, 4)`` boxes x1 y1 x2 y2 that they rate, decoded ones or priors.
            gt_bboxes: ``(n, 4)`` their ground truths, in the same frame.
            **kwargs: For the loss.
        """
        assert self.loss_iou is not None
        target = box_iou(bboxes, gt_bboxes)
        if self.detach_iou_target:
            target = target.detach()
        num_pos = reduce_mean(iou_preds.new_tensor(float(len(iou_preds)))).clamp(min=1)
        return self.loss_iou(iou_preds, target, avg_factor=num_pos, **kwargs)

    def predicted_iou(self, iou_preds: Tensor) -> Tensor:
        """Outputs of the branch, logits or not, as IoU in [0, 1], in float32 at least."""
        if iou_preds.dtype in {torch.float16, torch.bfloat16}:  # no cast in exported graphs
            iou_preds = iou_preds.float()
        if getattr(self.loss_iou, "use_sigmoid", False):
            return iou_preds.sigmoid()
        return iou_preds.clamp(0, 1)
