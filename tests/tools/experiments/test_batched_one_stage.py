"""The batched RetinaNet against MMDetection's, image by image."""

import sys
from pathlib import Path

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmeiou.config import read_config
from mmeiou.registry import MODELS

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "tools" / "experiments"))

from batched_one_stage import BatchedOneStage  # noqa: E402
from batched_two_stage import Objects  # noqa: E402

SIDE = 64
SHAPES = torch.tensor([[64, 64], [64, 50], [40, 64]])


@pytest.fixture(scope="module", params=["smooth-l1", "eiou-sot-iou", "giou"])
def detector(request):
    name = f"retinanet_mobilenet-v2_fpn_{request.param}_1xb64-6e_voc07-256.py"
    cfg = read_config(ROOT / "configs/mini_voc07" / name)
    init_default_scope("mmdet")
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    for layer in (model.bbox_head.retina_cls, model.bbox_head.retina_reg):
        torch.nn.init.normal_(layer.weight, std=1000.0)  # for features near zero
    torch.nn.init.constant_(model.bbox_head.retina_cls.bias, -2.0)
    return BatchedOneStage(model, (SIDE, SIDE)).eval()


def inputs():
    torch.manual_seed(4)
    corner = torch.rand(3, 4, 2) * SIDE * 0.4
    bboxes = torch.cat([corner, corner + torch.rand(3, 4, 2) * SIDE * 0.5 + 3], dim=-1)
    labels = torch.randint(20, (3, 4))
    for image in range(3):  # 4, 3 and no objects
        count = (4, 3, 0)[image]
        bboxes[image, count:], labels[image, count:] = 0, -1
    return torch.randn(3, 3, SIDE, SIDE), Objects(bboxes, labels)


def samples(objects=None):
    found = []
    for image, shape in enumerate(map(tuple, SHAPES.tolist())):
        meta = {"img_shape": shape, "pad_shape": (SIDE, SIDE), "batch_input_shape": (SIDE, SIDE)}
        sample = DetDataSample(metainfo=meta)
        if objects is not None:
            there = objects.labels[image] >= 0
            sample.gt_instances = InstanceData(
                bboxes=objects.bboxes[image][there], labels=objects.labels[image][there]
            )
        found.append(sample)
    return found


def test_losses_and_gradients_are_mmdetections(detector):
    images, objects = inputs()
    ours = detector.loss(images, SHAPES, objects)
    theirs = detector.model.loss(images, samples(objects))
    assert set(ours) == set(theirs)
    weights = [p for p in detector.parameters() if p.requires_grad]
    grads = []
    for losses in (ours, theirs):
        total, _ = detector.model.parse_losses(losses)
        grads.append(torch.autograd.grad(total, weights, allow_unused=True))
    for name, value in ours.items():
        other = theirs[name]
        total = sum(other) if isinstance(other, list) else other
        assert value > 0
        torch.testing.assert_close(value, total, rtol=1e-4, atol=1e-5)
    used = 0
    for one, other in zip(*grads, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            used += 1
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    assert used > 50


def test_detections_are_mmdetections(detector, monkeypatch):
    monkeypatch.setattr("batched_one_stage.CANDIDATES", 5000)  # all
    images, _ = inputs()
    found = detector.detect(images, SHAPES)
    theirs = detector.model.predict(images, samples(), rescale=False)
    for ours, sample in zip(found, theirs, strict=True):
        expected = sample.pred_instances
        assert len(expected) > 10
        assert set(ours) == set(expected.keys())
        for name, column in ours.items():
            torch.testing.assert_close(
                column, expected[name].to(column.dtype), rtol=1e-4, atol=1e-3
            )
