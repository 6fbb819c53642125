"""Training and detection of MMDetection's Faster R-CNN without a loop over images.

MMDetection assigns, samples and suppresses image by image: on a GPU a small detector then waits for
Python nearly all the time. Here a batch has one size and its objects are padded to one number, so
that each step is one operation for all images. Network, losses, coders and thresholds are those of
the config; tests compare assignment, proposals and losses with MMDetection's own.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from mmeiou.functional.nms import nms

NEVER = -1e9  # logit of what is no anchor
CANDIDATES = 500  # detections of an image before NMS
ROUNDS = 12  # of NMS before looking at the result, which waits for the device


@dataclass(frozen=True)
class Objects:
    """Objects of b images, each padded to g.

    Attributes:
        bboxes: (b, g, 4) x1 y1 x2 y2 in pixels; zeros where there is none.
        labels: (b, g) classes, int64; -1 where there is none.
    """

    bboxes: Tensor
    labels: Tensor


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """(b, n, m) IoU of (b, n, 4) and (b, m, 4) boxes; 0 for boxes without area."""
    top = torch.maximum(first[:, :, None, :2], second[:, None, :, :2])
    bottom = torch.minimum(first[:, :, None, 2:], second[:, None, :, 2:])
    overlap = (bottom - top).clamp(min=0).prod(dim=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(dim=-1) for boxes in (first, second)]
    union = areas[0][:, :, None] + areas[1][:, None, :] - overlap
    return overlap / union.clamp(min=1e-6)


def assign(priors: Tensor, objects: Objects, cfg: Any) -> Tensor:
    """MMDetection's ``MaxIoUAssigner`` for all images at once.

    Args:
        priors: (b, n, 4) boxes.
        objects: What is to be found.
        cfg: ``pos_iou_thr``, ``neg_iou_thr``, ``min_pos_iou``, ``match_low_quality`` (default on).

    Returns:
        (b, n) index of the object of a positive, -1 for a negative, -2 for neither.
    """
    iou = pairwise_iou(objects.bboxes, priors)  # (b, g, n)
    iou = iou.masked_fill((objects.labels < 0)[..., None], -1)
    best, owner = iou.max(dim=1)
    assigned = torch.full_like(owner, -2)
    assigned = assigned.masked_fill(best < cfg["neg_iou_thr"], -1)
    assigned = torch.where(best >= cfg["pos_iou_thr"], owner, assigned)
    if cfg.get("match_low_quality", True):
        # Each object takes the priors it overlaps most, ties included; the last object wins.
        highest = iou.amax(dim=2, keepdim=True)
        taken = (iou == highest) & (highest >= cfg["min_pos_iou"])
        number = torch.arange(iou.size(1), device=iou.device)[:, None]
        last = torch.where(taken, number, -1).amax(dim=1)
        assigned = torch.where(last >= 0, last, assigned)
    return assigned


def sample(assigned: Tensor, num: int, pos_fraction: float) -> tuple[Tensor, Tensor]:
    """MMDetection's ``RandomSampler``: positives up to a fraction, negatives up to the number.

    Args:
        assigned: (b, n) of :func:`assign`.
        num: Samples of an image.
        pos_fraction: Largest share of positives.

    Returns:
        (b, num) indices of samples, positives first, and (b, num) whether there is one.
    """
    most = int(num * pos_fraction)
    chance = torch.rand(assigned.shape, device=assigned.device)
    # Positives that were drawn come first, then negatives, then what must not be taken.
    drawn = torch.where(assigned >= 0, chance, -1).topk(min(most, assigned.size(1)), dim=1)
    rank = torch.where(assigned == -1, chance, -1.0)
    rank = rank.scatter(1, drawn.indices, torch.where(drawn.values >= 0, drawn.values + 2, -1.0))
    rank = torch.where((rank < 0) & (assigned == -1), chance, rank)  # overwritten by an empty draw
    best = rank.topk(min(num, assigned.size(1)), dim=1)
    return best.indices, best.values >= 0


def keep_of_nms(boxes: Tensor, iou_threshold: float) -> Tensor:
    """Which boxes greedy NMS keeps, for b groups of n boxes at once.

    Args:
        boxes: (b, n, 4), highest score first.
        iou_threshold: IoU above which the lower box is suppressed.

    Returns:
        (b, n) bool.
    """
    by_group = boxes.device.type == "cpu"  # where comparing each with each costs five times as much
    return (keep_by_group if by_group else keep_by_rounds)(boxes, iou_threshold)


def keep_by_group(boxes: Tensor, iou_threshold: float) -> Tensor:
    """As :func:`keep_of_nms`, one group after the other."""
    rank = -torch.arange(boxes.size(1), dtype=boxes.dtype, device=boxes.device)
    keep = torch.zeros(boxes.shape[:2], dtype=torch.bool, device=boxes.device)
    for row, group in zip(keep, boxes, strict=True):
        row[nms(group, rank, iou_threshold)] = True
    return keep


def keep_by_rounds(boxes: Tensor, iou_threshold: float) -> Tensor:
    """As :func:`keep_of_nms`, all groups together.

    Whether a box stays depends on the higher ones alone. Starting from all, "stays if none of those
    that stay suppresses it" is repeated until nothing changes: after k rounds the k highest of each
    group are final, and mostly all are after a few.
    """
    suppresses = (pairwise_iou(boxes, boxes) > iou_threshold).triu(1).to(boxes.dtype)
    keep = boxes.new_ones(boxes.shape[:2])[:, None]
    while True:
        for _ in range(ROUNDS):
            before, keep = keep, (torch.bmm(keep, suppresses) == 0).to(boxes.dtype)
        if torch.equal(keep, before):
            return keep[:, 0] > 0


def anchors_of(head: Any, image_size: tuple[int, int]) -> tuple[Tensor, list[int]]:
    """(n, 4) anchors of all levels for images of a height and width, and how many a level has."""
    generator = head.prior_generator
    height, width = image_size
    sizes = [(-(-height // down), -(-width // across)) for across, down in generator.strides]
    levels = generator.grid_priors(sizes, device="cpu")
    return torch.cat(levels), [len(level) for level in levels]


class BatchedTwoStage(nn.Module):
    """A ``FasterRCNN`` of MMDetection, run batch by batch.

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
        anchors, self.level_sizes = anchors_of(model.rpn_head, image_size)
        self.level_starts = [0, *accumulate(self.level_sizes)][:-1]
        self.register_buffer("anchors", anchors, persistent=False)
        self.anchors: Tensor

    def rpn(self, images: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Features, and (b, n) logits and (b, n, 4) deltas of all anchors."""
        with torch.autocast(images.device.type, self.dtype, self.dtype != torch.float32):
            features = self.model.extract_feat(images)
            scores, deltas = self.model.rpn_head(features)
        features, scores, deltas = ([t.float() for t in ts] for ts in (features, scores, deltas))
        flat = [s.permute(0, 2, 3, 1).flatten(1) for s in scores]
        boxes = [d.permute(0, 2, 3, 1).reshape(len(d), -1, 4) for d in deltas]
        return features, torch.cat(flat, dim=1), torch.cat(boxes, dim=1)

    @torch.no_grad()
    def proposals(
        self, logits: Tensor, deltas: Tensor, shapes: Tensor, cfg: Any
    ) -> tuple[Tensor, Tensor]:
        """What the RPN proposes, as MMDetection's ``RPNHead`` does.

        Args:
            logits: (b, n) of :meth:`rpn`.
            deltas: (b, n, 4) of :meth:`rpn`.
            shapes: (b, 2) height and width of each image within the batch, pixels.
            cfg: ``nms_pre``, ``max_per_img`` and ``nms.iou_threshold``.

        Returns:
            (b, p, 4) boxes, highest score first, and (b, p) whether there is one.
        """
        most = min(cfg["nms_pre"], max(self.level_sizes))
        tops = []
        for first, size in zip(self.level_starts, self.level_sizes, strict=True):
            # A small level is padded with anchors that are never kept.
            level = pad(logits[:, first : first + size], (0, max(0, most - size)), value=NEVER)
            tops.append(level.topk(most, dim=1))
        scores = torch.stack([top.values for top in tops], dim=1)  # (b, levels, most)
        index = torch.stack(
            [top.indices + first for top, first in zip(tops, self.level_starts, strict=True)], dim=1
        ).clamp(max=logits.size(1) - 1)
        anchors = self.anchors[index]
        picked = deltas.gather(1, index.flatten(1)[..., None].expand(-1, -1, 4))
        coder = self.model.rpn_head.bbox_coder
        boxes = coder.decode(anchors.view(-1, 4), picked.view(-1, 4)).view_as(anchors)
        boxes = clipped(boxes.flatten(1, 2), shapes).view_as(anchors)
        whole = (boxes[..., 2:] > boxes[..., :2]).all(dim=-1) & (scores > NEVER)
        keep = keep_of_nms(boxes.flatten(0, 1), cfg["nms"]["iou_threshold"])
        keep = keep.view_as(whole) & whole
        ranked = scores.sigmoid().masked_fill(~keep, -1).flatten(1)
        best = ranked.topk(min(cfg["max_per_img"], ranked.size(1)), dim=1)
        boxes = boxes.flatten(1, 2).gather(1, best.indices[..., None].expand(-1, -1, 4))
        return boxes, best.values >= 0

    def loss(self, images: Tensor, shapes: Tensor, objects: Objects) -> dict[str, Tensor]:
        """The losses of a step, under MMDetection's names.

        Args:
            images: (b, 3, h, w) normalized.
            shapes: (b, 2) height and width of each image within the batch, pixels.
            objects: What is to be found.
        """
        features, logits, deltas = self.rpn(images)
        losses = self.rpn_loss(logits, deltas, objects)
        boxes, valid = self.proposals(logits, deltas, shapes, self.model.train_cfg["rpn_proposal"])
        return losses | self.roi_loss(features, boxes, valid, objects)

    def rpn_loss(self, logits: Tensor, deltas: Tensor, objects: Objects) -> dict[str, Tensor]:
        """Losses of the RPN; see :meth:`rpn` and :class:`Objects`."""
        head, cfg = self.model.rpn_head, self.model.train_cfg["rpn"]
        anchors = self.anchors.expand(len(logits), -1, -1)
        assigned = assign(anchors, objects, cfg["assigner"])
        sampler = cfg["sampler"]
        index, valid = sample(assigned, sampler["num"], sampler["pos_fraction"])
        owner = assigned.gather(1, index)
        positive = (owner >= 0) & valid
        total = valid.sum()
        losses = {
            "loss_rpn_cls": head.loss_cls(
                logits.gather(1, index).reshape(-1, 1),
                (~positive).flatten().long(),  # 0 is the object, 1 the background
                valid.flatten().to(logits.dtype),
                avg_factor=total,
            )
        }
        picked = positive.nonzero()
        image, place = picked.unbind(1)
        prior = self.anchors[index[image, place]]
        truth = objects.bboxes[image, owner[image, place]]
        target = truth if head.reg_decoded_bbox else head.bbox_coder.encode(prior, truth)
        pred = deltas[image, index[image, place]]
        if head.reg_decoded_bbox:
            pred = head.bbox_coder.decode(prior, pred)
        losses["loss_rpn_bbox"] = head.loss_bbox(
            pred, target, torch.ones_like(target), avg_factor=total
        )
        return losses

    def roi_loss(
        self, features: list[Tensor], boxes: Tensor, valid: Tensor, objects: Objects
    ) -> dict[str, Tensor]:
        """Losses of the RoI head on proposals, see :meth:`proposals`."""
        head = self.model.roi_head.bbox_head
        samples = self.sample_rois(boxes, valid, objects)
        return head_loss(head, self.pool(features, samples.rois), samples)

    def sample_rois(self, boxes: Tensor, valid: Tensor, objects: Objects) -> "RoISamples":
        """Assign proposals, see :meth:`proposals`, and the objects themselves; draw of both."""
        cfg = self.model.train_cfg["rcnn"]
        boxes = torch.cat([objects.bboxes, boxes], dim=1)  # add_gt_as_proposals
        valid = torch.cat([objects.labels >= 0, valid], dim=1)
        assigned = assign(boxes, objects, cfg["assigner"]).masked_fill(~valid, -2)
        sampler = cfg["sampler"]
        index, there = sample(assigned, sampler["num"], sampler["pos_fraction"])
        image, place = there.nonzero().unbind(1)
        picked = index[image, place]
        priors, owner = boxes[image, picked], assigned[image, picked]
        truth = objects.bboxes[image, owner.clamp(min=0)]
        labels = objects.labels[image, owner.clamp(min=0)].masked_fill(owner < 0, -1)
        return RoISamples(torch.cat([image[:, None].to(priors.dtype), priors], 1), labels, truth)

    def pool(self, features: list[Tensor], rois: Tensor) -> Tensor:
        """(k, c, 7, 7) features of (k, 5) RoIs."""
        extractor = self.model.roi_head.bbox_roi_extractor
        return extractor(features[: extractor.num_inputs], rois)

    @torch.no_grad()
    def detect(self, images: Tensor, shapes: Tensor) -> list[Any]:
        """Detections of each image; see :func:`head_detections`.

        Args:
            images: (b, 3, h, w) normalized.
            shapes: (b, 2) height and width of each image within the batch, pixels.
        """
        features, logits, deltas = self.rpn(images)
        boxes, valid = self.proposals(logits, deltas, shapes, self.model.test_cfg["rpn"])
        pooled, rois = self.pooled_proposals(features, boxes, valid)
        head, cfg = self.model.roi_head.bbox_head, self.model.test_cfg["rcnn"]
        return head_detections(head, pooled, rois, shapes, cfg)

    def pooled_proposals(
        self, features: list[Tensor], boxes: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (k, c, 7, 7) of the k proposals that there are, and their RoIs (k, 5)."""
        image, _ = valid.nonzero().unbind(1)
        rois = torch.cat([image[:, None].to(boxes.dtype), boxes[valid]], dim=1)
        return self.pool(features, rois), rois


@dataclass(frozen=True)
class RoISamples:
    """k RoIs on which a box head is trained.

    Attributes:
        rois: (k, 5) number of the image in the batch, and box.
        labels: (k,) class of the object of each; -1 for background.
        truth: (k, 4) box of that object; of any for background.
    """

    rois: Tensor
    labels: Tensor
    truth: Tensor


def head_loss(head: Any, pooled: Tensor, samples: RoISamples) -> dict[str, Tensor]:
    """Losses of a box head of MMDetection on the features of sampled RoIs."""
    scores, deltas = head(pooled)
    return loss_of(head, scores, deltas, samples)


def loss_of(head: Any, scores: Tensor, deltas: Tensor, samples: RoISamples) -> dict[str, Tensor]:
    """The same of what a head predicts for the samples."""
    priors, positive = samples.rois[:, 1:], samples.labels >= 0
    target = torch.where(positive[:, None], samples.truth, priors)
    if not head.reg_decoded_bbox:
        target = head.bbox_coder.encode(priors, target)
    weights = positive[:, None].to(priors.dtype).expand(-1, 4)
    labels = samples.labels.masked_fill(~positive, head.num_classes)
    ones = torch.ones_like(priors[:, 0])
    return dict(head.loss(scores, deltas, samples.rois, labels, ones, target * weights, weights))


def head_detections(
    head: Any, pooled: Tensor, rois: Tensor, shapes: Tensor, cfg: Any
) -> list[dict[str, Tensor]]:
    """Detections of a box head, as MMDetection's, of a batch at once.

    Args:
        head: The box head.
        pooled: (k, c, 7, 7) features of proposals.
        rois: (k, 5) the proposals, ordered by image.
        shapes: (b, 2) height and width of each image, pixels.
        cfg: ``score_thr``, ``nms.iou_threshold`` and ``max_per_img``.

    Returns:
        For each image ``bboxes`` (n, 4), ``scores`` (n,), ``labels`` (n,), highest score first, and
        ``iou_scores`` (n,) if the head predicts IoUs. Of more than :data:`CANDIDATES` boxes above
        the threshold those of the highest scores are looked at.
    """
    scores, deltas = head(pooled)
    meta = {"img_shape": None}
    raw = head._predict_by_feat_single(rois, scores, deltas, meta, rcnn_test_cfg=None)  # noqa: SLF001
    classes = head.num_classes
    fused = raw.scores[:, :classes].masked_fill(
        scores.softmax(dim=1)[:, :classes] <= cfg["score_thr"], -1
    )
    counts = torch.bincount(rois[:, 0].long(), minlength=len(shapes))
    start = counts.cumsum(0) - counts
    most = int(counts.max())
    place = start[:, None] + torch.arange(most, device=rois.device)
    there = torch.arange(most, device=rois.device) < counts[:, None]
    place = place.clamp(max=len(rois) - 1)
    ranked = fused[place].masked_fill(~there[..., None], -1).flatten(1)  # (b, most * classes)
    top = ranked.topk(min(CANDIDATES, ranked.size(1)), dim=1)
    labels = top.indices % classes
    row = place.gather(1, top.indices // classes)
    boxes = raw.bboxes.view(len(rois), -1, 4)
    boxes = boxes[row, labels if boxes.size(1) > 1 else torch.zeros_like(labels)]
    boxes = clipped(boxes, shapes)
    apart = labels[..., None] * (boxes.max() + 1)  # boxes of two classes do not meet
    keep = keep_of_nms(boxes + apart, cfg["nms"]["iou_threshold"]) & (top.values >= 0)
    columns = {"bboxes": boxes, "scores": top.values, "labels": labels}
    if getattr(head, "loss_iou", None) is not None:
        iou = head.predicted_iou(head._split(deltas)[1]).expand(-1, classes)  # noqa: SLF001
        columns["iou_scores"] = iou[row, labels]
    limit = cfg["max_per_img"]
    return [
        {name: column[image][kept][:limit] for name, column in columns.items()}
        for image, kept in enumerate(keep)
    ]


def clipped(boxes: Tensor, shapes: Tensor) -> Tensor:
    """(b, n, 4) boxes within images of (b, 2) height and width."""
    limit = shapes.flip(1).repeat(1, 2)[:, None].to(boxes.dtype)
    return boxes.clamp(min=0).minimum(limit)
