"""Training and detection of MMDetection's RetinaNet without a loop over images.

As batched_two_stage.py is for Faster R-CNN: network, losses, coder and thresholds are those of the
config, and tests compare losses and detections with MMDetection's own.
"""

from itertools import accumulate
from typing import Any

import torch
from batched_two_stage import CANDIDATES, Objects, anchors_of, assign, clipped, keep_of_nms
from torch import Tensor, nn

from mmeiou.functional.boxes import box_area
from mmeiou.functional.score_fusion import fuse_scores
from mmeiou.models.losses.prior_area import prior_area_kwargs


class BatchedOneStage(nn.Module):
    """A ``RetinaNet`` of MMDetection, with or without an IoU branch, run batch by batch.

    Args:
        model: The detector, built from a config.
        image_size: Height and width of every batch, pixels.
        dtype: Of the convolutions; all behind them is computed in float32.
    """

    def __init__(
        self, model: Any, image_size: tuple[int, int], dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.model = model
        self.dtype = dtype
        anchors, self.level_sizes = anchors_of(model.bbox_head, image_size)
        self.level_starts = [0, *accumulate(self.level_sizes)][:-1]
        self.register_buffer("anchors", anchors, persistent=False)
        self.anchors: Tensor

    def maps(self, images: Tensor) -> list[Tensor]:
        """(b, n, classes) logits, (b, n, 4) deltas and, with an IoU branch, (b, n, 1) outputs."""
        with torch.autocast(images.device.type, self.dtype, self.dtype != torch.float32):
            outputs = self.model(images, mode="tensor")
        channels = (self.model.bbox_head.cls_out_channels, 4, 1)
        return [
            torch.cat(
                [level.permute(0, 2, 3, 1).reshape(len(level), -1, c) for level in levels], 1
            ).float()
            for levels, c in zip(outputs, channels, strict=False)
        ]

    def loss(self, images: Tensor, shapes: Tensor, objects: Objects) -> dict[str, Tensor]:
        """The losses of a step, under MMDetection's names.

        Args:
            images: (b, 3, h, w) normalized.
            shapes: (b, 2) height and width of each image; not needed here.
            objects: What is to be found.
        """
        del shapes
        return self.loss_of(*self.maps(images), objects=objects)

    def loss_of(
        self, logits: Tensor, deltas: Tensor, *ious: Tensor, objects: Objects
    ) -> dict[str, Tensor]:
        """Losses of :meth:`maps`."""
        head = self.model.bbox_head
        anchors = self.anchors.expand(len(logits), -1, -1)
        assigned = assign(anchors, objects, self.model.train_cfg["assigner"])
        image, place = (assigned >= 0).nonzero().unbind(1)
        owner = assigned[image, place]
        target = torch.zeros_like(logits)
        target[image, place, objects.labels[image, owner]] = 1
        # Of each image the positives, at least 1, as MMDetection counts them.
        total = (assigned >= 0).sum(dim=1).clamp(min=1).sum()
        losses = {
            "loss_cls": head.loss_cls(
                logits.flatten(0, 1),
                target.flatten(0, 1),
                (assigned > -2).flatten().to(logits.dtype),  # noqa: PLR2004 - see assign
                avg_factor=total,
            )
        }
        prior, truth = self.anchors[place], objects.bboxes[image, owner]
        pred = deltas[image, place]
        decoded = head.bbox_coder.decode(prior, pred)
        by_box = head.reg_decoded_bbox
        losses["loss_bbox"] = head.loss_bbox(
            decoded if by_box else pred,
            truth if by_box else head.bbox_coder.encode(prior, truth),
            torch.ones_like(truth),
            avg_factor=total,
            **prior_area_kwargs(head.loss_bbox, box_area(prior)),
        )
        if ious:
            rated = prior if head.iou_target == "prior" else decoded
            outputs = ious[0][image, place, 0]
            losses["loss_iou"] = head._iou_loss(outputs, rated, truth)  # noqa: SLF001
        return losses

    @torch.no_grad()
    def detect(self, images: Tensor, shapes: Tensor) -> list[dict[str, Tensor]]:
        """Detections of each image, as MMDetection's.

        Args:
            images: (b, 3, h, w) normalized.
            shapes: (b, 2) height and width of each image within the batch, pixels.

        Returns:
            For each image ``bboxes`` (n, 4), ``scores`` (n,), ``labels`` (n,), highest score first,
            and ``iou_scores`` (n,) with an IoU branch. Of more than ``CANDIDATES`` boxes above the
            threshold those of the highest scores are looked at.
        """
        head, cfg = self.model.bbox_head, self.model.test_cfg
        logits, deltas, *ious = self.maps(images)
        classes = logits.size(2)
        tops, places = [], []
        for first, size in zip(self.level_starts, self.level_sizes, strict=True):
            scores = logits[:, first : first + size].sigmoid().flatten(1)
            top = scores.topk(min(cfg["nms_pre"], scores.size(1)), dim=1)
            tops.append(top.values)
            places.append(top.indices + first * classes)
        scores, place = torch.cat(tops, dim=1), torch.cat(places, dim=1)
        wanted = scores > cfg["score_thr"]
        anchor = place // classes
        if ious:
            iou = head.predicted_iou(ious[0].squeeze(2)).gather(1, anchor)
            scores = fuse_scores(scores, iou, head.iou_fusion)
        best = scores.masked_fill(~wanted, -1).topk(min(CANDIDATES, scores.size(1)), dim=1)
        anchor, labels = (of.gather(1, best.indices) for of in (anchor, place % classes))
        picked = deltas.gather(1, anchor[..., None].expand(-1, -1, 4))
        boxes = head.bbox_coder.decode(self.anchors[anchor].view(-1, 4), picked.view(-1, 4))
        boxes = clipped(boxes.view_as(picked), shapes)
        whole = (boxes[..., 2:] - boxes[..., :2] > cfg["min_bbox_size"]).all(dim=-1)
        apart = labels[..., None] * (boxes.max() + 1)  # boxes of two classes do not meet
        keep = keep_of_nms(boxes + apart, cfg["nms"]["iou_threshold"]) & (best.values >= 0) & whole
        columns = {"bboxes": boxes, "scores": best.values, "labels": labels}
        if ious:
            columns["iou_scores"] = iou.gather(1, best.indices)
        return [
            {name: column[image][kept][: cfg["max_per_img"]] for name, column in columns.items()}
            for image, kept in enumerate(keep)
        ]
