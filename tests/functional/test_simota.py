"""The matching against a naive loop; against MMDetection's in tests/models/test_simota_assigner."""

import math

import pytest
import torch
from helpers.boxes import naive_iou, random_boxes
from torch import Tensor

from mmeiou.functional import simota
from mmeiou.functional.boxes import box_iou
from mmeiou.functional.priors import grid_priors, prior_centres

Match = tuple[Tensor, Tensor]


def simota_match(
    priors: Tensor, boxes: Tensor, scores: Tensor, gt_boxes: Tensor, gt_labels: Tensor
) -> Match:
    """A batch of one image."""
    (matched,), (overlaps,) = simota.simota_match(
        priors, boxes[None], scores[None], [gt_boxes], [gt_labels]
    )
    return matched, overlaps


def naive_match(
    priors: Tensor, boxes: Tensor, scores: Tensor, gt_boxes: Tensor, gt_labels: Tensor
) -> list[int]:
    """One prior and one ground truth at a time."""
    costs: list[dict[int, float]] = []
    ious: list[dict[int, float]] = []
    for g, gt in enumerate(gt_boxes.tolist()):
        cost, iou = {}, {}
        for p, (x, y, sx, sy) in enumerate(priors.tolist()):
            in_any = any(
                in_box(x, y, other) or near(x, y, sx, sy, other) for other in gt_boxes.tolist()
            )
            if not in_any:
                continue
            overlap = naive_iou(boxes[p].tolist(), gt)
            bce = 0.0
            for c, score in enumerate(scores[p].tolist()):
                bce -= math.log(score if c == int(gt_labels[g]) else 1 - score)
            cost[p] = bce - 3 * math.log(overlap + 1e-7)
            if not (in_box(x, y, gt) and near(x, y, sx, sy, gt)):
                cost[p] += 1e5
            iou[p] = overlap
        costs.append(cost)
        ious.append(iou)
    wanted: dict[int, list[int]] = {}
    for g, (cost, iou) in enumerate(zip(costs, ious, strict=True)):
        k = max(1, int(sum(sorted(iou.values(), reverse=True)[:10])))
        for p in sorted(cost, key=cost.__getitem__)[:k]:
            wanted.setdefault(p, []).append(g)
    matched = [-1] * len(priors)
    for p, gts in wanted.items():
        candidates = gts if len(gts) == 1 else range(len(costs))
        matched[p] = min(candidates, key=lambda g: costs[g][p])
    return matched


def in_box(x: float, y: float, box: list[float]) -> bool:
    return box[0] < x < box[2] and box[1] < y < box[3]


def near(x: float, y: float, sx: float, sy: float, box: list[float]) -> bool:
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return abs(x - cx) < 2.5 * sx and abs(y - cy) < 2.5 * sy


def scene(
    num_gt: int, num_classes: int, seed: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    priors = prior_centres(grid_priors([(8, 8), (4, 4)], [8, 16], dtype=torch.float64))
    centre = priors[:, :2] + 4 * (rand(len(priors), 2) - 0.5)
    half = rand(len(priors), 2) * 10 + 3
    boxes = torch.cat([centre - half, centre + half], dim=1)
    gt_boxes = random_boxes(num_gt, generator, extent=44, sides=(2, 20), dtype=torch.float64)
    labels = (rand(num_gt) * num_classes).long()
    return priors, boxes, rand(len(priors), num_classes) * 0.98 + 0.01, gt_boxes, labels


@pytest.mark.parametrize("num_classes", [1, 3])
@pytest.mark.parametrize("num_gt", [1, 2, 7, 30])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_naive_loop(num_gt: int, num_classes: int, seed: int) -> None:
    inputs = scene(num_gt, num_classes, seed)
    matched, overlaps = simota_match(*inputs)
    assert matched.tolist() == naive_match(*inputs)
    positive = matched >= 0
    assert positive.any()
    expected = box_iou(inputs[1][positive], inputs[3][matched[positive]])
    torch.testing.assert_close(overlaps[positive], expected)
    assert (overlaps[~positive] == 0).all()


def test_no_ground_truth_or_none_in_reach_matches_nothing() -> None:
    priors, boxes, scores, gt_boxes, labels = scene(2, 1, 0)
    for gts in (gt_boxes[:0], gt_boxes + 1000):
        matched, overlaps = simota_match(priors, boxes, scores, gts, labels[: len(gts)])
        assert (matched == -1).all()
        assert (overlaps == 0).all()


def test_every_ground_truth_alone_gets_at_least_one_prior() -> None:
    priors, boxes, scores, gt_boxes, labels = scene(30, 1, 5)
    for g in range(30):
        matched, _ = simota_match(
            priors, boxes + 500, scores, gt_boxes[g : g + 1], labels[g : g + 1]
        )
        assert int((matched == 0).sum()) == 1  # no overlap at all: k is 1


def test_saturated_scores_stay_finite() -> None:
    priors, boxes, scores, gt_boxes, labels = scene(3, 2, 1)
    matched, _ = simota_match(priors, boxes, scores.round(), gt_boxes, labels)
    assert (matched >= 0).any()


def test_a_batch_is_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their numbers of objects, and whatever is compared at a time."""
    images = [scene(num_gt, 2, seed) for seed, num_gt in enumerate((5, 0, 40, 1))]
    for pairs in (1 << 20, 300, 1):
        monkeypatch.setattr(simota, "_PAIRS", pairs)
        matched, overlaps = simota.simota_match(
            images[0][0],
            torch.stack([image[1] for image in images]),
            torch.stack([image[2] for image in images]),
            [image[3] for image in images],
            [image[4] for image in images],
        )
        for image, inputs in enumerate(images):
            assert matched[image].tolist() == naive_match(*inputs)
            alone = simota_match(*inputs)
            assert torch.equal(overlaps[image], alone[1])


def test_predictions_far_from_their_priors() -> None:
    """Objects that no box overlaps, and boxes all over the picture: few tiles can be left out."""
    priors, boxes, scores, gt_boxes, labels = scene(12, 1, 3)
    for moved in (boxes + 30, boxes.flip(0), boxes + 1000, boxes * 5):
        inputs = priors, moved, scores, gt_boxes, labels
        assert simota_match(*inputs)[0].tolist() == naive_match(*inputs)


def test_priors_in_any_order() -> None:
    priors, boxes, scores, gt_boxes, labels = scene(10, 1, 4)
    order = torch.randperm(len(priors), generator=torch.Generator().manual_seed(0))
    matched, _ = simota_match(priors, boxes, scores, gt_boxes, labels)
    shuffled, _ = simota_match(priors[order], boxes[order], scores[order], gt_boxes, labels)
    assert torch.equal(matched[order], shuffled)
