"""EIoULoss refuses encoded deltas, and nothing else, in the heads of MMDetection."""

from typing import Any

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import nn

from mmeiou.models import EIoULoss
from mmeiou.models.losses import target_check

SIZE = 256
CHANNELS = 32
ENCODED, DECODED = {"reg_decoded_bbox": False}, {"reg_decoded_bbox": True}
NONE = {"loss_bbox": {"type": "mmeiou.EIoULoss", "reduction": "none"}}  # as FSAF has it


def samples(seed: int | None) -> list[DetDataSample]:
    """Two images with five objects each, or none if there is no seed."""
    generator = torch.Generator().manual_seed(seed or 0)
    metainfo = {
        "img_shape": (SIZE, SIZE),
        "pad_shape": (SIZE, SIZE),
        "batch_input_shape": (SIZE, SIZE),
    }
    found = []
    for _ in range(2):
        corner = torch.rand(5, 2, generator=generator) * 150
        size = torch.rand(5, 2, generator=generator) * 90 + 12
        gt = InstanceData(
            bboxes=torch.cat([corner, corner + size], dim=1), labels=torch.zeros(5).long()
        )
        found.append(DetDataSample(gt_instances=gt[: 0 if seed is None else 5], metainfo=metainfo))
    return found


def dense_head(path: str, **options: Any) -> nn.Module:
    """The head of a detector of MMDetection, thin and with our loss."""
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model = Config.fromstring(f"_base_ = 'mmdet::{path}'", ".py").model
    cfg = model.get("bbox_head") or model.rpn_head
    cfg.update({"in_channels": CHANNELS, "feat_channels": CHANNELS, **options})
    cfg.loss_bbox = options.get("loss_bbox", {"type": "mmeiou.EIoULoss"})
    for name in ("train_cfg", "test_cfg"):
        value = model.get(name) or {}
        cfg[name] = value.get("rpn", value)
    return MODELS.build(cfg).train()


def train(head: nn.Module, seeds: tuple[int | None, ...]) -> None:
    torch.manual_seed(1)
    for seed in seeds:
        sides = [int(-(-SIZE // width)) for width, _ in head.prior_generator.strides]
        head.loss([torch.randn(2, CHANNELS, side, side) for side in sides], samples(seed))


BOXES = [
    ("retinanet/retinanet_r50_fpn_1x_coco.py", DECODED),
    ("rpn/rpn_r50_fpn_1x_coco.py", DECODED),
    ("pisa/retinanet-r50_fpn_pisa_1x_coco.py", DECODED),
    ("yolact/yolact_r50_1xb8-55e_coco.py", DECODED),
    ("atss/atss_r50_fpn_1x_coco.py", {}),
    ("gfl/gfl_r50_fpn_1x_coco.py", {}),  # reg_decoded_bbox=False, and yet it decodes
    ("fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py", {}),
    ("fcos/fcos_r50-caffe_fpn_gn-head-center-normbbox-centeronreg-giou_1x_coco.py", {}),
    ("yolof/yolof_r50-c5_8xb8-1x_coco.py", {}),
    ("yolox/yolox_s_8xb8-300e_coco.py", {}),
    ("autoassign/autoassign_r50-caffe_fpn_1x_coco.py", {}),
    ("rtmdet/rtmdet_tiny_8xb32-300e_coco.py", {}),
    ("centernet/centernet-update_r50-caffe_fpn_ms-1x_coco.py", {}),
]
DELTAS = [
    ("retinanet/retinanet_r50_fpn_1x_coco.py", {}),
    ("rpn/rpn_r50_fpn_1x_coco.py", {}),
    ("pisa/retinanet-r50_fpn_pisa_1x_coco.py", {}),
    ("yolact/yolact_r50_1xb8-55e_coco.py", {}),
    ("atss/atss_r50_fpn_1x_coco.py", ENCODED),
    ("fsaf/fsaf_r50_fpn_1x_coco.py", {**NONE, **ENCODED}),
    ("foveabox/fovea_r50_fpn_4xb4-1x_coco.py", {}),
]


@pytest.mark.parametrize(("path", "options"), BOXES, ids=[path for path, _ in BOXES])
def test_heads_that_compare_boxes_train(path: str, options: dict[str, Any]) -> None:
    """From a batch without objects on."""
    train(dense_head(path, **options), (None, 0, 1))


def test_fsaf_trains() -> None:
    """Its own code fails on a batch without objects."""
    train(dense_head("fsaf/fsaf_r50_fpn_1x_coco.py", **NONE, **DECODED), (0, 1))


@pytest.mark.parametrize(("path", "options"), DELTAS, ids=[path for path, _ in DELTAS])
def test_heads_that_compare_deltas_are_refused_with_their_first_objects(
    path: str, options: dict[str, Any]
) -> None:
    head = dense_head(path, **options)
    train(head, (None, None))
    with pytest.raises(ValueError, match=r"is not a box.*write reg_decoded_bbox=True"):
        train(head, (0, 1))


@pytest.mark.parametrize("seed", [None, 0])
def test_detr_trains(seed: int | None) -> None:
    init_default_scope("mmdet")
    cfg = Config.fromstring("_base_ = 'mmdet::detr/detr_r50_8xb2-150e_coco.py'", ".py").model
    cfg.bbox_head.update(
        embed_dims=CHANNELS, loss_iou={"type": "mmeiou.EIoULoss"}, train_cfg=cfg.train_cfg
    )
    head = MODELS.build(cfg.bbox_head)
    losses = head.loss(torch.randn(2, 2, 20, CHANNELS), samples(seed))
    assert losses["loss_iou"].isfinite()


@pytest.mark.parametrize("type_", ["mmdet.Shared2FCBBoxHead", "mmeiou.Shared2FCIoUBBoxHead"])
@pytest.mark.parametrize("decoded", [True, False])
def test_box_heads_of_two_stage_detectors(type_: str, decoded: bool) -> None:
    options = {"in_channels": 4, "fc_out_channels": 8, "roi_feat_size": 1, "num_classes": 2}
    options.update(loss_bbox={"type": "mmeiou.EIoULoss"}, reg_decoded_bbox=decoded)
    rois = torch.tensor([[0.0, 0, 0, 9, 9], [0, 5, 5, 9, 9], [0, 1, 2, 3, 4]])
    deltas = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.3, 0.1, -0.2, 0.2], [0, 0, 0, 0]])

    def run() -> None:
        head = MODELS.build({"type": type_, **options})
        targets = head.bbox_coder.decode(rois[:, 1:], deltas) if decoded else deltas
        labels, ones = torch.tensor([0, 1, 2]), torch.ones(3, 4)
        head.loss(*head(torch.rand(3, 4, 1, 1)), rois, labels, ones[:, 0], targets, ones)

    if decoded:
        run()
    else:
        with pytest.raises(ValueError, match=r"write reg_decoded_bbox=True"):
            run()


BOX = torch.tensor([[0.0, 0, 1, 1]])
INVERTED = BOX[:, [2, 3, 0, 1]]


def test_rows_without_weight_say_nothing() -> None:
    """Nor do they use up the check."""
    module = EIoULoss()
    boxes = torch.cat([INVERTED.repeat(500, 1), BOX])
    for weight in (torch.arange(501) == 500, (torch.arange(501) == 500)[:, None].expand(-1, 4)):
        module(boxes, boxes, weight.float())
    with pytest.raises(ValueError, match="is not a box"):
        module(boxes, boxes, torch.ones(501))


def test_the_check_ends() -> None:
    """No wait for the device later on: after so many boxes, or calls without any."""
    many, none = EIoULoss(), EIoULoss()
    boxes = BOX.repeat(target_check._ROWS, 1)
    many(boxes, boxes)
    for _ in range(target_check._CALLS):
        none(BOX, BOX, torch.zeros(1))
    for module in (many, none):
        module(INVERTED, INVERTED)
