"""MMDetection's two-stage detectors, made thin, with the box head under test."""

import copy
from typing import Any

from mmengine.config import Config

# What concerns proposals, RoIs and heads is as in the original.
SMALL = {
    "backbone": {"depth": 18, "base_channels": 16, "frozen_stages": -1, "init_cfg": None},
    "neck": {"in_channels": [16, 32, 64, 128], "out_channels": 16},
    "rpn_head": {"in_channels": 16, "feat_channels": 16},
}
EXTRACTOR = {"out_channels": 16}
BOX_HEAD = {
    "type": "mmeiou.Shared2FCIoUBBoxHead",
    "in_channels": 16,
    "fc_out_channels": 32,
    "num_classes": 3,
}
EIOU = {"reg_decoded_bbox": True, "loss_bbox": {"type": "mmeiou.EIoULoss", "_delete_": True}}


def _thin(base: str, bbox_head: Any, **roi_head: Any) -> Config:
    cfg = Config.fromstring(f"_base_ = 'mmdet::{base}'", ".py")
    roi_head = {"bbox_roi_extractor": EXTRACTOR, "bbox_head": bbox_head, **roi_head}
    changes = copy.deepcopy({"model": {**SMALL, "roi_head": roi_head}})  # merging alters them
    cfg.merge_from_dict(changes, allow_list_keys=True)
    return cfg


def faster_rcnn(**options: Any) -> Config:
    return _thin("faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py", {**BOX_HEAD, **options})


def cascade_rcnn(**options: Any) -> Config:
    heads = {str(stage): copy.deepcopy({**BOX_HEAD, **options}) for stage in range(3)}
    return _thin("cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py", heads)


def mask_rcnn(**options: Any) -> Config:
    mask_head = {"in_channels": 16, "conv_out_channels": 8, "num_convs": 1, "num_classes": 3}
    return _thin(
        "mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py",
        {**BOX_HEAD, **options},
        mask_roi_extractor=EXTRACTOR,
        mask_head=mask_head,
    )


def dynamic_rcnn(**options: Any) -> Config:
    box_head = {**BOX_HEAD, "loss_bbox": {"type": "SmoothL1Loss"}, **options}
    return _thin("dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco.py", box_head)
