"""YuNet with an IoU branch, and the prior areas that its box loss may ask for."""

from typing import Any

import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.priors import decode_boxes, grid_priors

SIZE = 64
STRIDES = (8, 16)
# Matched on the coarser and on the finer level.
GT = torch.tensor([[8.0, 6, 30, 38], [41, 42, 50, 49]])


def build(kind: str = "YuNetIoUHead", num_keypoints: int = 1, **options: Any) -> nn.Module:
    init_default_scope("mmdet")
    torch.manual_seed(0)
    head = MODELS.build(
        ConfigDict(
            type=f"mmeiou.{kind}",
            num_classes=2,
            in_channels=8,
            feat_channels=8,
            num_keypoints=num_keypoints,
            strides=STRIDES,
            train_cfg={"assigner": {"type": "mmeiou.SimOTAAssigner"}},
            test_cfg={"score_thr": 0.0, "nms": {"type": "nms", "iou_threshold": 0.5}},
            **options,
        )
    )
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.3)
    return head.eval()  # running statistics: the same features in every call


def features() -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(2, 8, SIZE // stride, SIZE // stride) for stride in STRIDES]


def batch(bboxes: Tensor = GT) -> list[DetDataSample]:
    """The objects in the second image alone."""
    return [
        DetDataSample(
            gt_instances=InstanceData(
                bboxes=boxes,
                labels=torch.ones(len(boxes), dtype=torch.long),
                keypoints=torch.ones(len(boxes), 1, 3),
            )
        )
        for boxes in (bboxes[:0], bboxes)
    ]


class Spy(nn.Module):
    """Stands in for a loss and keeps what it was called with."""

    needs_prior_area = False

    def forward(self, pred: Tensor, target: Tensor, **kwargs: Any) -> Tensor:
        self.call = {"pred": pred, "target": target, **kwargs}
        return pred.sum()


def flat(maps: list[Tensor]) -> Tensor:
    """Maps of the second image, prior by prior: ``(P, C)``."""
    return torch.cat([m[1].permute(1, 2, 0).flatten(0, 1) for m in maps])


def predicted_boxes(bbox_preds: list[Tensor]) -> tuple[Tensor, Tensor]:
    priors = grid_priors([m.shape[-2:] for m in bbox_preds], STRIDES)
    return priors, decode_boxes(priors, flat(bbox_preds))


def losses_of(head: nn.Module, outputs: Any, samples: list[DetDataSample]) -> dict[str, Tensor]:
    return head.loss_by_feat(*outputs, [s.gt_instances for s in samples], [{}, {}], None)


def test_each_positive_is_compared_with_the_iou_of_its_own_box() -> None:
    head = build()
    head.loss_iou = Spy()
    *outputs, ious = head(features())
    # Every prior of the two images says its own number.
    numbers, start = [], 0
    for level in ious:
        numbers.append(torch.arange(start, start + level.numel()).view(level.shape).float())
        start += level.numel()
    losses_of(head, (*outputs, numbers), batch())
    call = head.loss_iou.call
    assert len(call["pred"]) == call["avg_factor"] >= 2
    where = [flat(numbers).flatten().tolist().index(number) for number in call["pred"].tolist()]
    priors, boxes = predicted_boxes(outputs[1])
    overlaps = box_iou(boxes[where][:, None], GT)
    nearest = (call["target"][:, None] - overlaps).abs().min(dim=1)
    assert (nearest.values < 1e-6).all()
    assert set(nearest.indices.tolist()) == {0, 1}
    assert set(priors[where, 2].tolist()) == set(map(float, STRIDES))


def test_the_branch_takes_the_iou_out_of_the_classification_target() -> None:
    targets = {}
    for kind in ("YuNetHead", "YuNetIoUHead"):
        head = build(kind)
        head.loss_cls = Spy()
        head.loss(features(), batch())
        targets[kind] = head.loss_cls.call["target"]
    with_branch, without = targets["YuNetIoUHead"], targets["YuNetHead"]
    assert with_branch.tolist() == [[0.0, 1.0]] * len(with_branch)
    assert ((without[:, 1] >= 0) & (without[:, 1] < 1)).all()
    assert not without[:, 0].any()


def test_other_losses_outputs_and_parameters_are_those_of_yunet() -> None:
    head, plain = build(), build("YuNetHead")
    keys = plain.load_state_dict(head.state_dict(), strict=False)
    assert not keys.missing_keys
    assert keys.unexpected_keys
    assert all(key.startswith("multi_level_iou.") for key in keys.unexpected_keys)
    losses, expected = (h.loss(features(), batch()) for h in (head, plain))
    assert set(losses) - set(expected) == {"loss_iou"}
    for key in ("loss_bbox", "loss_obj", "loss_kps"):
        assert losses[key] == expected[key]


def test_without_fusion_predictions_are_those_of_yunet() -> None:
    head, plain = build(iou_fusion=0.0), build("YuNetHead")
    plain.load_state_dict(head.state_dict(), strict=False)
    with torch.no_grad():
        found, expected = (h.predict(features(), batch()) for h in (head, plain))
    for a, b in zip(found, expected, strict=True):
        assert len(a) > 5
        for key in ("bboxes", "scores", "labels", "keypoints"):
            assert torch.equal(a[key], b[key]), key


def test_fusion_changes_scores_and_never_boxes() -> None:
    head = build(iou_fusion=0.25)
    with torch.no_grad():
        outputs = head(features())
        (_, found) = head.predict_by_feat(*outputs, batch_img_metas=[{}, {}], with_nms=False)
    _, boxes = predicted_boxes(outputs[1])
    cls, _, obj, _, iou = map(flat, outputs)
    quality = (cls.sigmoid().amax(dim=1) * obj.sigmoid().flatten()) ** 0.75
    iou = iou.flatten().clamp(0, 1)
    assert 0 < (iou == 0).sum() < len(iou)
    expected = quality * iou**0.25
    order = expected.argsort(descending=True, stable=True)
    torch.testing.assert_close(found.scores, expected[order])
    ranked = expected[order] > 0  # those of zero IoU tie
    torch.testing.assert_close(found.bboxes[ranked], boxes[order][ranked])
    torch.testing.assert_close(found.iou_scores[ranked], iou[order][ranked])


@pytest.mark.parametrize("detached", [True, False])
def test_gradient_of_the_iou_loss_reaches_the_boxes_only_when_asked(*, detached: bool) -> None:
    head = build(detach_iou_target=detached)
    head.loss(features(), batch())["loss_iou"].backward()
    reached = [unit.conv1.weight.grad is not None for unit in head.multi_level_bbox]
    assert reached == [not detached] * len(STRIDES)
    assert all(unit.conv1.weight.grad.abs().max() > 0 for unit in head.multi_level_iou)


def test_a_batch_without_objects_still_trains_every_parameter() -> None:
    head = build()
    losses = head.loss(features(), batch(GT[:0]))
    assert losses["loss_iou"] == 0
    sum(losses.values()).backward()
    for key, parameter in head.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("kind", ["YuNetHead", "YuNetIoUHead"])
def test_the_box_loss_gets_the_areas_of_the_cells(kind: str) -> None:
    head = build(kind)
    head.loss_bbox = Spy()
    head.loss_bbox.needs_prior_area = True
    outputs = head(features())
    losses_of(head, outputs, batch())
    call = head.loss_bbox.call
    priors, boxes = predicted_boxes(outputs[1])
    assert set(call["prior_area"].tolist()) == {64.0, 256.0}
    for box, area in zip(call["pred"], call["prior_area"].tolist(), strict=True):
        where = (boxes - box).abs().amax(dim=1).argmin()
        assert area == priors[where, 2] ** 2


def test_steady_optimization_by_prior_area_trains() -> None:
    plain, steady = (
        build("YuNetHead", loss_bbox={"type": "mmeiou.EIoULoss", "sot": sot})
        for sot in (None, "prior")
    )
    a, b = (head.loss(features(), batch())["loss_bbox"] for head in (plain, steady))
    # Unions exceed the boxes of GT: 22 * 32 on cells of at most 256, 9 * 7 on cells of 64.
    assert b > 1.5 * a
    b.backward()


def test_prior_target_is_refused() -> None:
    with pytest.raises(ValueError, match="iou_target='decoded'"):
        build(iou_target="prior")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("stacked_convs", [0, 1])
def test_maps_without_keypoints(training: bool, stacked_convs: int) -> None:
    head = build(num_keypoints=0, stacked_convs=stacked_convs).train(training)
    cls, bbox, obj, kps, iou = head(features())
    assert kps == []
    assert [[one.shape[1] for one in maps] for maps in (cls, bbox, obj, iou)] == [
        [2, 2],
        [4, 4],
        [1, 1],
        [1, 1],
    ]
