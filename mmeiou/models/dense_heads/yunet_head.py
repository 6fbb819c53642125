"""The head of YuNet: layers, losses and predictions."""

from collections.abc import Sequence
from typing import Any

from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.utils import InstanceList, reduce_mean
from mmengine.config import ConfigDict
from mmengine.model import bias_init_with_prob
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmeiou.models.dense_heads.yunet_outputs import (
    FlatMaps,
    FlatOutputs,
    flatten_maps,
    flatten_outputs,
)
from mmeiou.models.dense_heads.yunet_predictions import (
    decode,
    filter_scores,
    require_finite,
    suppress,
)
from mmeiou.models.dense_heads.yunet_targets import Targets, batch_targets
from mmeiou.models.layers import DPUnit, apply_together
from mmeiou.models.layers.init import YUNET_INIT
from mmeiou.models.losses.prior_area import prior_area_kwargs
from mmeiou.registry import MODELS, TASK_UTILS


@MODELS.register_module()
class YuNetHead(BaseDenseHead):
    """Classification, box, objectness and keypoint branches, unshared between levels.

    Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", MIR 2023. Losses are summed
    over the batch and divided by the number of positives:

    - ``loss_cls`` on positives, target one-hot times the IoU of the decoded box (detached);
    - ``loss_obj`` on all priors outside ignored regions, 0 or 1;
    - ``loss_bbox`` on the decoded boxes of positives, in pixels; a loss that asks for prior areas
      gets ``stride ** 2`` (our reading: the cell of the point, which is smaller than a face, so
      that ``sot='prior'`` wants a smaller ``loss_weight``);
    - ``loss_kps`` on the keypoint offsets of positives in strides, every point weighted by its own
      weight, divided by the sum over faces of the mean weight. (The authors weight all points of a
      face by the mean; the same where a face has all points or none.)

    The assigner sees ``sqrt(cls * obj)``, as MMDetection's YOLOX does; the score of a prediction is
    ``cls * obj``.

    Args:
        num_classes: Number of classes, at least 1.
        in_channels: Channels of the incoming maps.
        feat_channels: Channels inside the head.
        num_keypoints: Keypoints (landmarks) per object; 0 leaves their branch out.
        shared_stacked_convs: DP units per level that all branches share.
        stacked_convs: DP units per level for classification and as many for the other branches.
        strides: Strides of the levels, finest first.
        prior_prob: Initial probability of the classification and objectness branches; None keeps
            the bias of 0.02 of the released models.
        ignore_iof_thr: See :func:`mmeiou.functional.ignore.ignored_priors`.
        loss_cls: Config of the classification loss, a binary cross-entropy on logits.
        loss_obj: Config of the objectness loss, likewise.
        loss_bbox: Config of the box loss, on boxes x1 y1 x2 y2.
        loss_kps: Config of the keypoint loss, on offsets; unused without keypoints.
        train_cfg: ``assigner``: config of the assigner.
        test_cfg: ``score_thr``, ``nms`` and, optionally, ``nms_pre`` and ``max_per_img``.
        init_cfg: MMEngine initialisation; the released models' one by default.

    Raises:
        ValueError: If ``num_classes`` is below 1 or ``num_keypoints`` below 0.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        feat_channels: int = 64,
        num_keypoints: int = 5,
        shared_stacked_convs: int = 1,
        stacked_convs: int = 0,
        strides: Sequence[int] = (8, 16, 32),
        prior_prob: float | None = None,
        ignore_iof_thr: float = 0.5,
        loss_cls: ConfigDict | None = None,
        loss_obj: ConfigDict | None = None,
        loss_bbox: ConfigDict | None = None,
        loss_kps: ConfigDict | None = None,
        train_cfg: ConfigDict | None = None,
        test_cfg: ConfigDict | None = None,
        init_cfg: Any = YUNET_INIT,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if num_classes < 1 or num_keypoints < 0:
            raise ValueError(
                f"num_classes must be at least 1 and num_keypoints at least 0, got {num_classes} "
                f"and {num_keypoints}"
            )
        self.num_classes = num_classes
        self.num_keypoints = num_keypoints
        self.strides = tuple(strides)
        self.prior_prob = prior_prob
        self.ignore_iof_thr = ignore_iof_thr
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
        bce = {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": True}
        self.loss_cls = MODELS.build(loss_cls or bce)
        self.loss_obj = MODELS.build(loss_obj or bce)
        self.loss_bbox = MODELS.build(loss_bbox or {"type": "mmeiou.EIoULoss", "loss_weight": 5.0})
        if num_keypoints:
            self.loss_kps = MODELS.build(
                loss_kps or {"type": "mmdet.SmoothL1Loss", "beta": 1 / 9, "loss_weight": 0.1}
            )
        if train_cfg:
            self.assigner = TASK_UTILS.build(train_cfg["assigner"])
        self._init_layers(in_channels, feat_channels, shared_stacked_convs, stacked_convs)

    def _init_layers(
        self, in_channels: int, feat_channels: int, shared_stacked_convs: int, stacked_convs: int
    ) -> None:
        def stack(channels: int, depth: int) -> nn.Sequential:
            return nn.Sequential(
                *(DPUnit(feat_channels if i else channels, feat_channels) for i in range(depth))
            )

        def per_level(make: Any) -> nn.ModuleList:
            return nn.ModuleList(make() for _ in self.strides)

        channels = in_channels
        if shared_stacked_convs:
            self.multi_level_share_convs = per_level(
                lambda: stack(in_channels, shared_stacked_convs)
            )
            channels = feat_channels
        if stacked_convs:
            self.multi_level_cls_convs = per_level(lambda: stack(channels, stacked_convs))
            self.multi_level_reg_convs = per_level(lambda: stack(channels, stacked_convs))
        self.branch_channels = feat_channels if stacked_convs else channels
        self.multi_level_cls = self._predictor(self.num_classes)
        self.multi_level_bbox = self._predictor(4)
        self.multi_level_obj = self._predictor(1)
        if self.num_keypoints:
            self.multi_level_kps = self._predictor(2 * self.num_keypoints)

    def _predictor(self, out_channels: int) -> nn.ModuleList:
        """One predicting unit per level."""
        return nn.ModuleList(
            DPUnit(self.branch_channels, out_channels, with_norm_act=False) for _ in self.strides
        )

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then the biases that ``prior_prob`` asks for."""
        super().init_weights()
        if self.prior_prob is not None:
            bias = float(bias_init_with_prob(self.prior_prob))
            for unit in (*self.multi_level_cls, *self.multi_level_obj):
                nn.init.constant_(unit.conv2.bias, bias)

    def forward(self, feats: Sequence[Tensor]) -> tuple[list[Tensor], ...]:
        """Maps of the levels to logits and offsets.

        Returns:
            Lists over the levels of classification ``(B, num_classes, H, W)``, box ``(B, 4, H,
            W)``, objectness ``(B, 1, H, W)`` and keypoint ``(B, 2 * num_keypoints, H, W)`` maps;
            the last list is empty without keypoints.
        """

        def apply(branch: str, inputs: Sequence[Tensor]) -> list[Tensor]:
            if not hasattr(self, branch):
                return list(inputs)
            return [unit(x) for unit, x in zip(getattr(self, branch), inputs, strict=True)]

        shared = apply("multi_level_share_convs", feats)
        cls_feats = apply("multi_level_cls_convs", shared)
        reg_feats = apply("multi_level_reg_convs", shared)
        levels = []
        for level, (of_cls, of_reg) in enumerate(zip(cls_feats, reg_feats, strict=True)):
            cls, *others = self._predictors(level)
            if of_cls is of_reg:
                levels.append(apply_together([cls, *others], of_reg))
            else:
                levels.append([cls(of_cls), *apply_together(others, of_reg)])
        maps = [list(outputs) for outputs in zip(*levels, strict=True)]
        if not self.num_keypoints:
            maps.insert(3, [])
        return tuple(maps)

    def _predictors(self, level: int) -> list[Any]:
        """Units of the outputs, in their order; that of the classification is the first."""
        found = [self.multi_level_cls, self.multi_level_bbox, self.multi_level_obj]
        if self.num_keypoints:
            found.append(self.multi_level_kps)
        return [units[level] for units in found]

    def loss_by_feat(self, *args: Any) -> dict[str, Tensor]:
        """Losses of a batch: ``loss_cls``, ``loss_bbox``, ``loss_obj`` and ``loss_kps``.

        Args:
            *args: What :meth:`forward` returns, then, as MMDetection passes them, the lists over
                the images of ground truths, meta information and ignored regions.

        Raises:
            ValueError: If the head has keypoints and the ground truth lacks them or has another
                number of them.
        """
        *maps, batch_gt_instances, _, batch_gt_instances_ignore = args
        flat = flatten_outputs(self.strides, *maps)
        targets = batch_targets(
            self.assigner,
            flat,
            batch_gt_instances,
            batch_gt_instances_ignore,
            num_classes=self.num_classes,
            num_keypoints=self.num_keypoints,
            ignore_iof_thr=self.ignore_iof_thr,
        )
        return self._losses(flat, targets)

    def _cls_targets(self, targets: Targets) -> Tensor:
        return targets.cls * targets.overlaps.unsqueeze(1)

    def _losses(self, flat: FlatOutputs, targets: Targets) -> dict[str, Tensor]:
        positive = targets.positive
        num_pos = reduce_mean(positive.sum().to(flat.cls.dtype)).clamp(min=1)
        cell_areas = flat.priors[:, 2:].prod(dim=1).repeat(len(flat.cls))

        losses = {
            "loss_cls": self.loss_cls(
                flat.cls.flatten(0, 1)[positive], self._cls_targets(targets), avg_factor=num_pos
            ),
            "loss_bbox": self.loss_bbox(
                flat.bboxes.flatten(0, 1)[positive],
                targets.bboxes,
                avg_factor=num_pos,
                **prior_area_kwargs(self.loss_bbox, cell_areas[positive]),
            ),
            "loss_obj": self.loss_obj(
                flat.obj.reshape(-1, 1),
                positive.to(flat.obj.dtype).unsqueeze(1),
                targets.considered.to(flat.obj.dtype).unsqueeze(1),
                avg_factor=num_pos,
            ),
        }
        if self.num_keypoints:
            num_faces = reduce_mean(targets.kps_weight.mean(dim=1).sum()).clamp(min=1)
            losses["loss_kps"] = self.loss_kps(
                flat.kps.flatten(0, 1)[positive],
                targets.kps,
                targets.kps_weight.repeat_interleave(2, dim=1),
                avg_factor=num_faces,
            )
        return losses

    def predict_by_feat(
        self,
        *maps: Sequence[Tensor],
        batch_img_metas: Sequence[dict[str, Any]],
        cfg: ConfigDict | None = None,
        rescale: bool = False,
        with_nms: bool = True,
    ) -> InstanceList:
        """Detections of each image, best first.

        Args:
            *maps: What :meth:`forward` returns.
            batch_img_metas: Meta information of the images.
            cfg: Instead of ``test_cfg``.
            rescale: Whether to return pixels of the original image, not of the network's input.
            with_nms: Whether to suppress duplicates.

        Returns:
            One ``InstanceData`` per image: ``bboxes`` ``(n, 4)``, ``scores`` and ``labels``
            ``(n,)`` and, with keypoints, ``keypoints`` ``(n, num_keypoints, 2)``.

        Raises:
            ValueError: Naming the image, if a number that the network puts out is not finite.
        """
        cfg = self.test_cfg if cfg is None else cfg
        flat = flatten_maps(self.strides, *maps)
        results = []
        for index, meta in enumerate(batch_img_metas):
            outputs = flat.image(index)
            scored = self._scored(outputs)
            keep = filter_scores(scored.scores, cfg)
            candidates = decode(scored[keep], outputs, keep)
            found = [candidates.bboxes, *([candidates.keypoints] if self.num_keypoints else [])]
            require_finite([outputs.cls, outputs.obj, outputs.iou, *found], meta)
            results.append(suppress(candidates, meta, cfg, rescale=rescale, with_nms=with_nms))
        return results

    def _scored(self, outputs: FlatMaps) -> InstanceData:
        """``scores`` and ``labels`` of the ``P`` priors of an image."""
        scores, labels = (outputs.cls.sigmoid() * outputs.obj.sigmoid().unsqueeze(1)).max(dim=1)
        return InstanceData(scores=scores, labels=labels)
