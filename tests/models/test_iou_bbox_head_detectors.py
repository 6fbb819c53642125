"""The IoU box head inside MMDetection's own detectors: they train, predict and merge views."""

import copy
from typing import Any

import pytest
import torch
from mmdet.models.roi_heads import CascadeRoIHead, DynamicRoIHead, StandardRoIHead
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from thin_detectors import EIOU, cascade_rcnn, dynamic_rcnn, faster_rcnn, mask_rcnn

SIZE = 96


def data() -> dict[str, Any]:
    """A picture with two objects and masks, and one without any."""
    generator = torch.Generator().manual_seed(0)
    meta = {
        "img_shape": (SIZE, SIZE),
        "ori_shape": (SIZE * 2, SIZE * 2),
        "scale_factor": (0.5, 0.5),
    }
    samples = []
    for keep in (2, 0):
        bboxes = torch.tensor([[10.0, 20, 70, 80], [40, 10, 60, 90]])[:keep]
        masks = torch.zeros(keep, SIZE, SIZE, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, bboxes.int().tolist(), strict=True):
            mask[y1:y2, x1:x2] = 1
        sample = DetDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(
            bboxes=bboxes,
            labels=torch.tensor([0, 2])[:keep],
            masks=BitmapMasks(masks.numpy(), SIZE, SIZE),
        )
        samples.append(sample)
    shape = (3, SIZE, SIZE)
    inputs = [torch.randint(256, shape, dtype=torch.uint8, generator=generator) for _ in samples]
    return {"inputs": inputs, "data_samples": samples}


def build(cfg: Config) -> Any:
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.roi_head.test_cfg.score_thr = 0.0  # untrained scores are low
    return model


DETECTORS = [
    pytest.param(faster_rcnn, StandardRoIHead, EIOU, id="faster"),
    pytest.param(faster_rcnn, StandardRoIHead, {"iou_class_agnostic": False}, id="per-class"),
    pytest.param(cascade_rcnn, CascadeRoIHead, EIOU, id="cascade"),
    pytest.param(
        cascade_rcnn,
        CascadeRoIHead,
        {"reg_class_agnostic": False, "iou_class_agnostic": False},
        id="cascade-per-class",
    ),
    pytest.param(mask_rcnn, StandardRoIHead, EIOU, id="mask"),
    pytest.param(dynamic_rcnn, DynamicRoIHead, {}, id="dynamic"),
]


@pytest.mark.parametrize(("config", "roi_head", "options"), DETECTORS)
def test_trains_and_predicts_in_an_unmodified_roi_head(
    config: Any, roi_head: type, options: dict[str, Any]
) -> None:
    model = build(config(**options))
    assert type(model.roi_head) is roi_head
    losses = model(**model.data_preprocessor(data(), training=True), mode="loss")
    stages = 3 if roi_head is CascadeRoIHead else 1
    assert sum("loss_iou" in key for key in losses) == stages
    total, _ = model.parse_losses(losses)
    total.backward()
    trainable = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trainable.values())
    branches = [p.grad for name, p in trainable.items() if name.endswith("fc_reg.iou.weight")]
    assert len(branches) == stages
    assert all(grad.any() for grad in branches)

    model.eval()
    with torch.no_grad():
        for sample in model.test_step(data()):
            found = sample.pred_instances
            assert len(found) == 100
            assert found.bboxes.isfinite().all()
            assert found.bboxes.max() > SIZE, "not rescaled to the original image"
            assert ((found.iou_scores >= 0) & (found.iou_scores <= 1)).all()
            if config is mask_rcnn:
                assert found.masks.shape == (100, 2 * SIZE, 2 * SIZE)


def test_raw_outputs_carry_the_iou_columns() -> None:
    model = build(faster_rcnn())
    batch = model.data_preprocessor(data())
    cls_score, bbox_pred = model(**batch, mode="tensor")[-1]
    assert cls_score.shape[1:] == (4,)
    assert bbox_pred.shape[1:] == (3 * 4 + 1,)


@pytest.mark.parametrize("config", [faster_rcnn, cascade_rcnn])
def test_without_fusion_a_detector_predicts_as_mmdetections(config: Any) -> None:
    ours = build(config(iou_fusion=0))
    theirs = build(config(type="Shared2FCBBoxHead"))
    keys = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert keys.missing_keys == []
    found, expected = (
        [sample.pred_instances for sample in model.eval().test_step(data())]
        for model in (ours, theirs)
    )
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a.bboxes, b.bboxes)
        assert torch.equal(a.scores, b.scores)
        assert torch.equal(a.labels, b.labels)


def test_views_of_test_time_augmentation_merge_by_fused_scores() -> None:
    model = build(faster_rcnn()).eval()
    torch.nn.init.constant_(model.roi_head.bbox_head.fc_reg.iou.bias, 0.7)
    cfg = Config({"nms": {"type": "nms", "iou_threshold": 0.5}, "max_per_img": 60})
    tta = MODELS.build({"type": "DetTTAModel", "module": model, "tta_cfg": cfg})

    views = [data(), data()]
    for view, flip in zip(views, (False, True), strict=True):
        for sample in view["data_samples"]:
            sample.set_metainfo({"flip": flip, "flip_direction": "horizontal"})
    views[1]["inputs"] = [image.flip(-1) for image in views[1]["inputs"]]
    together = {key: [view[key] for view in views] for key in views[0]}
    with torch.no_grad():
        merged = tta.test_step(copy.deepcopy(together))
        singles = [model.test_step(view) for view in views]
    for index, sample in enumerate(merged):
        scores = sample.pred_instances.scores
        assert len(scores) == 60
        of_views = [torch.isin(scores, view[index].pred_instances.scores) for view in singles]
        assert all(found.any() for found in of_views)
        assert (of_views[0] | of_views[1]).all()
