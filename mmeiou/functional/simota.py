"""SimOTA: which priors answer for which ground truth, for a batch of images at once.

Ge et al., "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430, section 2.3. Costs, constants
and the conflict rule are those of MMDetection's ``SimOTAAssigner``, against which it is tested.

That one compares every prior with every ground truth. Here priors are grouped into tiles, and a
ground truth meets only the tiles whose priors are near it or predict boxes that overlap it. The
rest has IoU 0 and cannot be among its cheapest, unless there are too few better ones; the few
ground truths of which that is so are compared with all priors after all.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.prior_tiles import tile_bounds, tile_priors

_OUTSIDE = 1e5  # added to the cost of a prior that is not both in the box and near its centre
_EPS = 1e-7
_PAIRS = 1 << 17  # of prior and ground truth at a time: bounds the memory, fits into caches


class _Batch(NamedTuple):
    """Images packed; everything of a prior has one more row, for the padding of tiles."""

    centres: Tensor
    """``(P + 1, 2)``, nowhere for the padding."""
    reach: Tensor
    """``(P + 1, 2)`` half of the centre region."""
    boxes: Tensor
    """``(B, P + 1, 4)`` predictions."""
    class_costs: Tensor
    """``(B, P + 1, C)``."""
    gt_boxes: Tensor
    """``(N, 4)`` ground truths, image after image."""
    gt_centres: Tensor
    """``(N, 2)``."""
    gt_labels: Tensor
    """``(N,)``."""
    gt_image: Tensor
    """``(N,)`` image of each."""
    iou_weight: float

    def inside(self, gt: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Whether priors lie in the boxes, and near the centres, of ground truths."""
        point, centre, reach = self.centres[prior], self.gt_centres[gt], self.reach[prior]
        box = self.gt_boxes[gt]
        in_box = _meet(point, point, box[..., :2], box[..., 2:])
        return in_box, _meet(point, point, centre - reach, centre + reach)

    def costs(self, gt: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """IoU and cost of pairs, given by indices that broadcast."""
        image = self.gt_image[gt]
        iou = box_iou(self.boxes[image, prior], self.gt_boxes[gt])
        in_box, near = self.inside(gt, prior)
        cost = self.class_costs[image, prior, self.gt_labels[gt]]
        return iou, cost - (iou + _EPS).log() * self.iou_weight + ~(in_box & near) * _OUTSIDE


def simota_match(
    priors: Tensor,
    boxes: Tensor,
    scores: Tensor,
    gt_boxes: Sequence[Tensor],
    gt_labels: Sequence[Tensor],
    *,
    center_radius: float = 2.5,
    candidate_topk: int = 10,
    iou_weight: float = 3.0,
    cls_weight: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Match the priors of each of ``B`` images with its ground truths.

    A prior is a candidate when its centre lies in any ground-truth box or within
    ``center_radius`` strides of any ground-truth centre. Each ground truth takes its ``k`` cheapest
    candidates by ``cls_weight * BCE - iou_weight * log(IoU)``, with ``k`` the sum of its
    ``candidate_topk`` largest IoUs, rounded down, at least 1. A prior that several ground truths
    want goes to the one, of all, for which it is cheapest. Which of several equally cheap
    candidates is taken is torch's choice, here as in MMDetection, and may be another one there:
    next to the 1e5 that a prior outside costs, float32 rounds costs to 1/128, which makes some of
    them equal. Now and then the two so differ by a prior.

    Args:
        priors: ``(P, 4)`` centre x, centre y, stride x, stride y in pixels.
        boxes: ``(B, P, 4)`` decoded predictions x1 y1 x2 y2 in pixels.
        scores: ``(B, P, C)`` predicted probabilities.
        gt_boxes: Of each image, ``(G, 4)`` ground truths x1 y1 x2 y2 in pixels.
        gt_labels: Of each image, ``(G,)`` class indices.
        center_radius: Radius of the centre region in strides.
        candidate_topk: How many of the best IoUs make up ``k``.
        iou_weight: Weight of the IoU cost.
        cls_weight: Weight of the classification cost.

    Returns:
        ``(B, P)`` index of the matched ground truth in its image, -1 for negatives, and ``(B, P)``
        IoU of the prediction with it, 0 for negatives.
    """
    matched = torch.full(boxes.shape[:2], -1, dtype=torch.long, device=boxes.device)
    overlaps = torch.zeros_like(boxes[..., 0])
    counts = torch.tensor([len(of_image) for of_image in gt_boxes], device=boxes.device)
    gts = torch.cat([*gt_boxes]).to(boxes.dtype)
    if not len(gts) or not len(priors):
        return matched, overlaps
    batch = _Batch(
        centres=_padded(priors[:, :2], torch.inf),
        reach=_padded(priors[:, 2:] * center_radius, 0),
        boxes=_padded(boxes, 0),
        class_costs=_padded(_classification_costs(scores) * cls_weight, 0),
        gt_boxes=gts,
        gt_centres=(gts[:, :2] + gts[:, 2:]) / 2,
        gt_labels=torch.cat([*gt_labels]),
        gt_image=torch.arange(len(counts), device=boxes.device).repeat_interleave(counts),
        iou_weight=iou_weight,
    )
    wanted_by, wanted = _wanted_pairs(batch, tile_priors(priors), candidate_topk)
    image, prior, gt = _settle(batch, counts, wanted_by, wanted)
    matched[image, prior] = gt - (counts.cumsum(0) - counts)[image]
    overlaps[image, prior] = box_iou(boxes[image, prior], gts[gt])
    return matched, overlaps


def _wanted_pairs(batch: _Batch, tiles: Tensor, candidate_topk: int) -> tuple[Tensor, Tensor]:
    """Ground truths and the priors that each of them wants, as two equally long lists."""
    num_priors = len(batch.centres) - 1
    lower, upper = tile_bounds(batch.centres[:-1], tiles)
    reach = batch.reach[tiles].amax(dim=1)
    g1, g2 = batch.gt_boxes[:, None, :2], batch.gt_boxes[:, None, 2:]
    in_box = _meet(lower, upper, g1, g2)
    near = _meet(lower - reach, upper + reach, batch.gt_centres[:, None], batch.gt_centres[:, None])

    candidate = batch.boxes.new_zeros(batch.boxes.shape[:2], dtype=torch.bool)
    gt, tile = (in_box | near).nonzero(as_tuple=True)
    step = max(1, _PAIRS // tiles.shape[1])
    for some_gt, some_tile in zip(torch.split(gt, step), torch.split(tile, step), strict=True):
        prior = tiles[some_tile]
        inside = torch.logical_or(*batch.inside(some_gt[:, None], prior))
        image = batch.gt_image[some_gt, None].expand_as(prior)
        candidate[image[inside], prior[inside]] = True

    lower, upper = tile_bounds(batch.boxes[:, :-1], tiles, candidate[:, :-1])
    overlapped = _meet(lower[batch.gt_image], upper[batch.gt_image], g1, g2)
    # What stays out has no overlap and no place in the box: it costs at least this much.
    rest = _OUTSIDE - batch.iou_weight * math.log(_EPS)
    found, again = [], []
    for some_gt, prior in _rows(overlapped | (in_box & near), tiles, num_priors):
        pairs, enough = _cheapest(batch, candidate, some_gt, prior, candidate_topk, rest)
        found.append(pairs)
        again.append(some_gt[~enough])
    everything = torch.arange(num_priors, device=tiles.device)
    for some_gt in torch.split(torch.cat(again), max(1, _PAIRS // num_priors)):
        prior = everything.expand(len(some_gt), -1)
        found.append(_cheapest(batch, candidate, some_gt, prior, candidate_topk)[0])
    gts, priors = zip(*found, strict=True)
    return torch.cat(gts), torch.cat(priors)


def _rows(todo: Tensor, tiles: Tensor, nothing: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Ground truths ``(g,)`` and the priors ``(g, n)`` of their tiles, some at a time.

    Ground truths with similar numbers of tiles go together, so that little is padded.
    """
    tile_of = torch.cat([todo.nonzero()[:, 1], tiles.new_zeros(1)])
    counts = todo.sum(dim=1)
    start = counts.cumsum(0) - counts
    counts, order = counts.sort()
    widths = counts.tolist()
    begin = 0
    while begin < len(widths):
        # A group ends where it would hold too much, or its last row twice its first.
        end = begin + 1
        while (
            end < len(widths)
            and widths[end] <= 2 * widths[begin] + 2
            and widths[end] * tiles.shape[1] * (end + 1 - begin) <= _PAIRS
        ):
            end += 1
        gt = order[begin:end]
        column = torch.arange(max(1, widths[end - 1]), device=tiles.device)
        there = column < counts[begin:end, None]
        tile = tile_of[torch.where(there, start[gt, None] + column, -1)]
        yield gt, torch.where(there.unsqueeze(-1), tiles[tile], nothing).flatten(1)
        begin = end


def _cheapest(
    batch: _Batch,
    candidate: Tensor,
    gt: Tensor,
    prior: Tensor,
    candidate_topk: int,
    rest: float = math.inf,
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """The ``k`` cheapest candidates of each ground truth, where none of the rest can be cheaper.

    Args:
        batch: All.
        candidate: ``(B, P + 1)``.
        gt: ``(g,)``.
        prior: ``(g, n)`` to choose from.
        candidate_topk: How many IoUs make up ``k``.
        rest: What the priors that are not offered cost at least.

    Returns:
        Pairs of ground truth and prior, and ``(g,)`` whether the choice was large enough.
    """
    iou, cost = batch.costs(gt[:, None], prior)
    offered = candidate[batch.gt_image[gt, None], prior]
    iou, cost = iou.where(offered, 0), cost.where(offered, torch.inf)
    most = min(candidate_topk, prior.shape[1])
    k = iou.topk(most, dim=1).values.sum(dim=1).int().clamp(min=1)
    cost, column = cost.topk(most, dim=1, largest=False)
    enough = cost.gather(1, k[:, None].long() - 1).squeeze(1) <= rest
    take = torch.arange(most, device=gt.device) < k[:, None]
    row, rank = (take & cost.isfinite() & enough[:, None]).nonzero(as_tuple=True)
    return (gt[row], prior[row, column[row, rank]]), enough


def _settle(
    batch: _Batch, counts: Tensor, gt: Tensor, prior: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Image, prior and ground truth of each prior that anyone wants.

    Several wanting the same, it goes to the ground truth of the whole image that it costs least.
    """
    stride = len(batch.centres)
    key, position, times = torch.unique(
        batch.gt_image[gt] * stride + prior, return_inverse=True, return_counts=True
    )
    owner = torch.empty_like(key)
    owner[position] = gt
    image, prior = key // stride, key % stride
    contested = (times > 1).nonzero().squeeze(1)
    column = torch.arange(int(counts.max()), device=gt.device)
    start = counts.cumsum(0) - counts
    for some in torch.split(contested, max(1, _PAIRS // len(column))):
        there = column < counts[image[some], None]
        rivals = start[image[some], None] + column.where(there, 0)
        cost = batch.costs(rivals, prior[some, None])[1].where(there, torch.inf)
        owner[some] = rivals.gather(1, cost.argmin(dim=1, keepdim=True)).squeeze(1)
    return image, prior, owner


def _classification_costs(scores: Tensor) -> Tensor:
    """Binary cross-entropy of ``(..., C)`` scores against each one-hot label: ``(..., C)``."""
    # 100 is where torch's binary_cross_entropy clamps its logarithms.
    if_positive = -scores.log().clamp(min=-100)
    if_negative = -(1 - scores).log().clamp(min=-100)
    return if_positive + (if_negative.sum(dim=-1, keepdim=True) - if_negative)


def _padded(values: Tensor, value: float) -> Tensor:
    """One more row, of ``value``."""
    return torch.nn.functional.pad(values, (0, 0, 0, 1), value=value)


def _meet(lower: Tensor, upper: Tensor, g1: Tensor, g2: Tensor) -> Tensor:
    """Whether boxes, given by their corners, overlap, or points lie strictly inside them."""
    in_x = (upper[..., 0] > g1[..., 0]) & (lower[..., 0] < g2[..., 0])
    return in_x & (upper[..., 1] > g1[..., 1]) & (lower[..., 1] < g2[..., 1])
