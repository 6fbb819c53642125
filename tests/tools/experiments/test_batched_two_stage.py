"""The batched Faster R-CNN against MMDetection's, image by image."""

import sys
from pathlib import Path

import pytest
import torch
from mmdet.registry import TASK_UTILS
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmeiou.config import read_config
from mmeiou.functional.boxes import box_iou
from mmeiou.registry import MODELS

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tools" / "experiments"))

from batched_two_stage import (  # noqa: E402
    BatchedTwoStage,
    Objects,
    assign,
    keep_by_group,
    keep_by_rounds,
    sample,
)

SIDE = 64


def random_boxes(*shape, side=SIDE):
    corner = torch.rand(*shape, 2) * side * 0.7
    return torch.cat([corner, corner + torch.rand(*shape, 2) * side * 0.3 + 1], dim=-1)


def objects(images=3):
    bboxes, labels = random_boxes(images, 4), torch.randint(20, (images, 4))
    for image in range(images):  # 4, 3, 2 objects
        bboxes[image, 4 - image :], labels[image, 4 - image :] = 0, -1
    return Objects(bboxes, labels)


def instances(of, image):
    there = of.labels[image] >= 0
    return InstanceData(bboxes=of.bboxes[image][there], labels=of.labels[image][there])


def by_place(boxes):
    """Proposals of one score come in any order."""
    return torch.tensor(sorted(boxes.tolist()))


@pytest.fixture(scope="module", params=["smooth-l1", "eiou-sot-iou"])
def detector(request):
    name = f"faster-rcnn_mobilenet-v2_fpn_{request.param}_1xb64-6e_voc07-256.py"
    cfg = read_config(ROOT / "configs/mini_voc07" / name)
    init_default_scope("mmdet")
    cfg.model.backbone.init_cfg = None
    # All anchors and proposals are sampled, so that no chance is left.
    cfg.model.train_cfg.rpn.sampler.update(num=100_000, pos_fraction=1.0)
    cfg.model.train_cfg.rcnn.sampler.update(num=100_000, pos_fraction=1.0)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    for layer in (model.rpn_head.rpn_cls, model.rpn_head.rpn_reg):
        torch.nn.init.normal_(layer.weight, std=40.0)  # for features near zero
    torch.nn.init.normal_(model.roi_head.bbox_head.fc_cls.weight, std=3.0)  # scores above 0.05
    return BatchedTwoStage(model, (SIDE, SIDE)).eval()


@pytest.mark.parametrize("low_quality", [True, False])
def test_assigns_as_mmdetection(low_quality):
    torch.manual_seed(1)
    cfg = {
        "pos_iou_thr": 0.5,
        "neg_iou_thr": 0.3,
        "min_pos_iou": 0.2,
        "match_low_quality": low_quality,
    }
    of, priors = objects(), random_boxes(3, 300)
    priors[:, :4] = of.bboxes  # exact hits, and empty boxes
    priors[:, 4:8] = of.bboxes.flip(1)  # each twice: ties
    ours = assign(priors, of, cfg)
    theirs = TASK_UTILS.build(dict(type="MaxIoUAssigner", **cfg))
    found = set()
    for image in range(3):
        result = theirs.assign(InstanceData(priors=priors[image]), instances(of, image))
        expected = torch.where(result.gt_inds == -1, -2, result.gt_inds - 1)
        assert torch.equal(ours[image], expected)
        found |= set(expected.tolist())
    assert {-2, -1, 0, 1, 2, 3} <= found


def test_no_object_leaves_only_negatives():
    of = Objects(torch.zeros(1, 2, 4), torch.full((1, 2), -1))
    cfg = {"pos_iou_thr": 0.5, "neg_iou_thr": 0.3, "min_pos_iou": 0.0}
    assert (assign(random_boxes(1, 50), of, cfg) == -1).all()


def test_samples_so_many_of_each():
    torch.manual_seed(2)
    assigned = torch.full((4, 100), -2)
    for image, (positives, negatives) in enumerate([(30, 60), (3, 60), (0, 60), (5, 4)]):
        assigned[image, :positives] = 0
        assigned[image, 40 : 40 + negatives] = -1
    index, there = sample(assigned, 20, 0.25)
    for image, (positives, negatives) in enumerate([(5, 15), (3, 17), (0, 20), (5, 4)]):
        kinds = assigned[image, index[image, there[image]]]
        assert ((kinds >= 0).sum(), (kinds == -1).sum()) == (positives, negatives)
        assert len(index[image, there[image]].unique()) == positives + negatives


def test_samples_by_equal_chance():
    torch.manual_seed(3)
    assigned = torch.full((4000, 10), -1)
    assigned[:, :5] = 0
    index, there = sample(assigned, 4, 0.5)
    assert there.all()
    share = torch.bincount(index.flatten(), minlength=10) / 4000
    torch.testing.assert_close(share, torch.full((10,), 0.4), atol=0.04, rtol=0)


@pytest.mark.parametrize("keep_of_nms", [keep_by_group, keep_by_rounds])
def test_nms_keeps_what_greedy_nms_keeps(keep_of_nms):
    torch.manual_seed(4)
    boxes = random_boxes(6, 200, side=30)  # crowded: long chains
    keep = keep_of_nms(boxes, 0.3)
    for group, kept in zip(boxes, keep, strict=True):
        greedy: list[int] = []
        overlaps = box_iou(group[:, None], group[None])
        for box in range(200):
            if not any(overlaps[box, other] > 0.3 for other in greedy):
                greedy.append(box)
        assert kept.nonzero().squeeze(1).tolist() == greedy
        assert 0 < len(greedy) < 200


def test_proposals_and_losses_are_mmdetections(detector):
    torch.manual_seed(5)
    images, of = torch.randn(3, 3, SIDE, SIDE), objects()
    shapes = torch.tensor([[64, 64], [50, 64], [64, 40]])
    metas = [
        {"img_shape": tuple(shape), "pad_shape": (SIDE, SIDE), "batch_input_shape": (SIDE, SIDE)}
        for shape in shapes.tolist()
    ]
    samples = [
        DetDataSample(
            metainfo=meta,
            gt_instances=instances(of, image),
            ignored_instances=InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long()),
        )
        for image, meta in enumerate(metas)
    ]
    features, logits, deltas = detector.rpn(images)
    boxes, valid = detector.proposals(
        logits, deltas, shapes, detector.model.train_cfg["rpn_proposal"]
    )
    theirs = detector.model.rpn_head.predict(features, samples, rescale=False)
    for image, result in enumerate(theirs):
        torch.testing.assert_close(by_place(boxes[image][valid[image]]), by_place(result.bboxes))
    expected = detector.model.loss(images, samples)
    losses = detector.loss(images, shapes, of)
    assert set(losses) == set(expected)
    for name, value in expected.items():
        total = sum(value) if isinstance(value, list) else value
        torch.testing.assert_close(losses[name], total, rtol=1e-4, atol=1e-5)


def test_detects_as_mmdetection(detector):
    torch.manual_seed(6)
    images, shapes = torch.randn(2, 3, SIDE, SIDE), torch.tensor([[64, 64], [50, 64]])
    samples = [
        DetDataSample(
            metainfo={"img_shape": tuple(s), "scale_factor": (1.0, 1.0), "ori_shape": tuple(s)}
        )
        for s in shapes.tolist()
    ]
    ours = detector.detect(images, shapes)
    theirs = detector.model.predict(images, samples, rescale=False)
    for found, expected in zip(ours, theirs, strict=True):
        assert len(found["scores"]) > 0
        for key in ("bboxes", "scores", "labels"):
            torch.testing.assert_close(
                found[key], expected.pred_instances[key], rtol=1e-4, atol=1e-4
            )
