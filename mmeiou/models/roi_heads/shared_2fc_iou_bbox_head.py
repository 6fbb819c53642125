"""Box head of Faster R-CNN and its kin that also predicts the IoU of its boxes."""

from typing import Any

import torch
from mmdet.models.layers import multiclass_nms
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmdet.structures.bbox import get_box_tensor
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch import Tensor

from mmeiou.functional.boxes import box_area
from mmeiou.functional.score_fusion import fuse_scores
from mmeiou.models.iou_branch import IoUBranchMixin
from mmeiou.models.losses.prior_area import prior_area_kwargs
from mmeiou.models.roi_heads.box_and_iou_linear import BoxAndIoULinear
from mmeiou.registry import MODELS

LEFT_OUT = -1.0  # below every score


@MODELS.register_module()
class Shared2FCIoUBBoxHead(IoUBranchMixin, Shared2FCBBoxHead):
    """MMDetection's two-layer box head with an IoU branch, for any of its RoI heads.

    The IoU-predicting head of Peng and Yu, "A Systematic IoU-Related Method", IEEE TIP 2021. Its
    details for two-stage detectors were not published where we could read them; those below are
    our reading, after the authors' anchor-based face detector (linear scalar, smooth-L1 on
    positives, square root of the product as score).

    - One linear layer on the shared features predicts an IoU per RoI.
    - It is trained on positives, towards the IoU that the box predicted at this moment has with its
      ground truth: so it rates the very box that ``loss_bbox`` moves.
    - Detections are ranked, before NMS, by ``cls ** (1 - a) * iou ** a``. ``score_thr`` still looks
      at the class probability: the same boxes reach NMS as without the branch.

    The predicted IoUs travel as the last columns of ``bbox_pred``, which RoI heads only carry from
    ``forward`` to the methods below. So this head needs no RoI head of its own: it works in
    ``StandardRoIHead``, ``CascadeRoIHead`` and their subclasses, with a mask head or without, but
    not where the RoI head itself reads ``bbox_pred`` (``PISARoIHead``).

    The head passes the areas of the proposals to a box loss that asks for them
    (``mmeiou.EIoULoss`` with ``sot='prior'``). For that alone, write ``loss_iou=None``.

    Args:
        *args: Of ``mmdet.Shared2FCBBoxHead``.
        iou_class_agnostic: Predict one IoU per RoI, or else one per RoI and class.
        **kwargs: Of ``mmdet.Shared2FCBBoxHead`` and of
            :class:`mmeiou.models.iou_branch.IoUBranchMixin`.

    Raises:
        ValueError: If an option is out of range, or the box predictor is not a linear layer.
    """

    branch_is_optional = True

    def __init__(self, *args: Any, iou_class_agnostic: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.iou_class_agnostic = iou_class_agnostic
        self.iou_columns = 0
        if self.loss_iou is not None:
            self._add_iou_branch()

    def _add_iou_branch(self) -> None:
        if not self.with_reg or self.reg_predictor_cfg != {"type": "Linear"}:
            raise ValueError(
                "the IoU branch extends a linear box predictor; write with_reg=True and leave "
                "reg_predictor_cfg at its default, or loss_iou=None"
            )
        self.iou_columns = 1 if self.iou_class_agnostic else self.num_classes
        box_columns = self.bbox_coder.encode_size
        if not self.reg_class_agnostic:
            box_columns *= self.num_classes
        self.fc_reg = BoxAndIoULinear(self.reg_last_dim, box_columns, self.iou_columns)

    def loss(
        self,
        cls_score: Tensor,
        bbox_pred: Tensor,
        rois: Tensor,
        labels: Tensor,
        label_weights: Tensor,
        bbox_targets: Tensor,
        bbox_weights: Tensor,
        reduction_override: str | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch; the arguments are those of MMDetection's box head.

        Returns:
            ``loss_cls``, ``acc`` and ``loss_bbox``, equal to those of MMDetection's head, and
            ``loss_iou``. That one is the mean over positives, while ``loss_bbox`` is divided by the
            number of all RoIs: the error of a predicted IoU should not count less where the sampler
            finds fewer positives, as it also shapes the scores of images with few objects.
        """
        losses = super().loss(
            cls_score,
            None,  # MMDetection then leaves the box loss to the lines below
            rois,
            labels,
            label_weights,
            bbox_targets,
            bbox_weights,
            reduction_override,
        )
        deltas, iou_pred = self._split(bbox_pred)
        positive = ((labels >= 0) & (labels < self.num_classes)).nonzero().squeeze(1)
        priors, targets = rois[positive, 1:], bbox_targets[positive]
        deltas = _of_class(deltas[positive], labels[positive], self.bbox_coder.encode_size)
        decoded = self._decode(priors, deltas)
        losses["loss_bbox"] = self.loss_bbox(
            decoded if self.reg_decoded_bbox else deltas,
            targets,
            bbox_weights[positive],
            avg_factor=len(rois),
            reduction_override=reduction_override,
            **prior_area_kwargs(self.loss_bbox, box_area(priors)),
        )
        if self.loss_iou is not None:
            rated = decoded if self.iou_target == "decoded" else priors
            gt_bboxes = targets if self.reg_decoded_bbox else self._decode(priors, targets)
            losses["loss_iou"] = self._iou_loss(
                _of_class(iou_pred[positive], labels[positive], 1).squeeze(1),
                rated,
                gt_bboxes,
                reduction_override=reduction_override,
            )
        return losses

    def regress_by_class(
        self, priors: Tensor, label: Tensor, bbox_pred: Tensor, img_meta: dict[str, Any]
    ) -> Tensor:
        """Boxes for the next stage of a cascade; see MMDetection's method."""
        return super().regress_by_class(priors, label, self._split(bbox_pred)[0], img_meta)

    def _predict_by_feat_single(
        self,
        roi: Tensor,
        cls_score: Tensor,
        bbox_pred: Tensor,
        img_meta: dict[str, Any],
        rescale: bool = False,
        rcnn_test_cfg: ConfigDict | None = None,
    ) -> InstanceData:
        """Detections of an image, as MMDetection's, ranked by fused scores.

        Returns:
            ``bboxes``, ``scores``, ``labels`` and, with an IoU branch, ``iou_scores``: predicted
            IoUs of the detections, in [0, 1]. If ``rcnn_test_cfg`` is None: boxes and fused scores
            before NMS.
        """
        deltas, iou_pred = self._split(bbox_pred)
        predict = super()._predict_by_feat_single
        if self.loss_iou is None:
            return predict(roi, cls_score, deltas, img_meta, rescale, rcnn_test_cfg)

        results = predict(roi, cls_score, deltas, img_meta, rescale)
        cls_prob, background = results.scores[:, :-1], results.scores[:, -1:]
        iou = self.predicted_iou(iou_pred).expand_as(cls_prob)
        fused = fuse_scores(cls_prob, iou, self.iou_fusion)
        if rcnn_test_cfg is None:
            results.scores = torch.cat([fused, background], dim=1)
            return results
        fused = fused.masked_fill(cls_prob <= rcnn_test_cfg["score_thr"], LEFT_OUT)
        dets, labels, kept = multiclass_nms(
            results.bboxes,
            torch.cat([fused, background], dim=1),
            LEFT_OUT,
            rcnn_test_cfg["nms"],
            rcnn_test_cfg["max_per_img"],
            return_inds=True,
        )
        return InstanceData(
            bboxes=dets[:, :-1], scores=dets[:, -1], labels=labels, iou_scores=iou.flatten()[kept]
        )

    def _split(self, bbox_pred: Tensor) -> tuple[Tensor, Tensor]:
        """Deltas ``(n, 4)`` or ``(n, 4 * num_classes)`` and the IoU columns behind them."""
        deltas, iou_pred = bbox_pred.tensor_split([bbox_pred.size(1) - self.iou_columns], dim=1)
        return deltas.contiguous(), iou_pred  # MMDetection takes views of the deltas

    def _decode(self, priors: Tensor, deltas: Tensor) -> Tensor:
        return get_box_tensor(self.bbox_coder.decode(priors, deltas))


def _of_class(pred: Tensor, labels: Tensor, size: int) -> Tensor:
    """The ``size`` columns of each row's class, or all there are of a class-agnostic prediction."""
    pred = pred.view(len(pred), pred.size(1) // size, size)
    return pred[:, 0] if pred.size(1) == 1 else pred[torch.arange(len(pred)), labels]
