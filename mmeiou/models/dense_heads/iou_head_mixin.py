"""An IoU branch for the one-stage heads of MMDetection."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmeiou.functional.score_fusion import fuse_scores
from mmeiou.models.dense_heads.input_hooks import inputs_of
from mmeiou.models.iou_branch import IoUBranchMixin


class Positives(NamedTuple):
    """The positives of a batch, level by level and in a level image by image."""

    where: Tensor
    """``(n,)`` where they stand among all priors of all images."""
    priors: Tensor
    """``(n, 4)`` boxes or ``(n, 2)`` points."""
    targets: Tensor
    """``(n, 4)`` regression targets."""


def flatten_levels(maps: Sequence[Tensor], channels: int) -> Tensor:
    """``(B, A * channels, H, W)`` maps to ``(n, channels)``, in the order of `Positives`."""
    flat = torch.cat([m.permute(0, 2, 3, 1).reshape(-1, channels) for m in maps])
    return flat.to(torch.promote_types(flat.dtype, torch.float32))


class IoUHeadMixin(IoUBranchMixin):
    """One 3x3 convolution from the regression features to an IoU per prior.

    Put it before a head of MMDetection among the bases, name the head's box predictor in
    ``box_predictor``, and call ``_remember`` from ``get_targets``. The other losses, the boxes, the
    score threshold and ``nms_pre`` stay that head's own. Predictions carry their predicted IoU as
    ``iou_scores``.
    """

    box_predictor: ClassVar[str]
    _positives: Positives

    def _init_layers(self) -> None:
        super()._init_layers()
        channels = getattr(self, self.box_predictor).in_channels
        self.conv_iou = nn.Conv2d(channels, self.num_base_priors, 3, padding=1)

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], ...]:
        """Maps of the levels to the head's own outputs, ``(B, A, H, W)`` IoU maps in third place.

        The latter are for :meth:`predicted_iou` to read.
        """
        with inputs_of(getattr(self, self.box_predictor)) as reg_feats:
            cls_scores, bbox_preds, *rest = super().forward(x)
        return cls_scores, bbox_preds, [self.conv_iou(feat) for feat in reg_feats], *rest

    def _remember(
        self, priors: Sequence[Tensor], labels: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> None:
        """Keep the positives for the IoU loss; all arguments are level by level."""
        flat_labels = torch.cat([level.flatten() for level in labels])
        where = self._foreground(flat_labels).nonzero().squeeze(1)
        self._positives = Positives(
            where,
            *(
                torch.cat([level.flatten(0, -2) for level in levels])[where]
                for levels in (priors, targets)
            ),
        )

    def _foreground(self, labels: Tensor) -> Tensor:
        return (labels >= 0) & (labels < self.num_classes)

    def loss_by_feat(
        self,
        cls_scores: Sequence[Tensor],
        bbox_preds: Sequence[Tensor],
        iou_preds: Sequence[Tensor],
        *rest: Any,
    ) -> dict[str, Any]:
        """Losses of the head and ``loss_iou``."""
        losses = super().loss_by_feat(cls_scores, bbox_preds, *rest)
        where, priors, targets = self._positives
        decode = self.bbox_coder.decode
        bboxes = decode(priors, flatten_levels(bbox_preds, 4)[where])
        # Heads without the option regress distances.
        if not getattr(self, "reg_decoded_bbox", False):
            targets = decode(priors, targets)
        outputs = flatten_levels(iou_preds, 1).squeeze(1)[where]
        rated = priors if self.iou_target == "prior" else bboxes
        losses["loss_iou"] = self._iou_loss(outputs, rated, targets)
        return losses

    def predict_by_feat(
        self,
        cls_scores: Sequence[Tensor],
        bbox_preds: Sequence[Tensor],
        *factors: Sequence[Tensor],
        **kwargs: Any,
    ) -> list[InstanceData]:
        """Detections of each image, ranked by the fused score.

        Args:
            cls_scores: As :meth:`forward` returns them.
            bbox_preds: Likewise.
            *factors: The other outputs of :meth:`forward`.
            **kwargs: Of the head's own method.
        """
        # MMDetection wants logits; those of 0 and 1 are infinite and come back exactly.
        logits = [self._score_factor(*level).logit() for level in zip(*factors, strict=True)]
        return super().predict_by_feat(cls_scores, bbox_preds, logits, **kwargs)

    def _score_factor(self, iou_preds: Tensor) -> Tensor:
        """Map of what MMDetection carries along as ``score_factors`` of its results."""
        return self.predicted_iou(iou_preds)

    def _fuse(self, results: InstanceData) -> None:
        results.iou_scores = results.pop("score_factors")
        results.scores = fuse_scores(results.scores, results.iou_scores, self.iou_fusion)

    def _bbox_post_process(self, results: InstanceData, *args: Any, **kwargs: Any) -> InstanceData:
        self._fuse(results)
        return super()._bbox_post_process(results, *args, **kwargs)
