"""The box head with an IoU branch against MMDetection's, hand-derived values and naive loops."""

import math
from typing import Any, NamedTuple

import pytest
import torch
from helpers.boxes import random_boxes
from mmdet.models.roi_heads.bbox_heads import Shared2FCBBoxHead
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from torch import Tensor

from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.models import Shared2FCIoUBBoxHead

SHAPE = {"in_channels": 4, "roi_feat_size": 2, "fc_out_channels": 16, "num_classes": 3}
EIOU = {"reg_decoded_bbox": True, "loss_bbox": {"type": "mmeiou.EIoULoss"}}
GIOU = {"reg_decoded_bbox": True, "loss_bbox": {"type": "mmdet.GIoULoss", "loss_weight": 10.0}}
BCE = {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": True}
META = {"img_shape": (80, 100), "scale_factor": (0.5, 0.25)}
TEST_CFG = ConfigDict(score_thr=0.2, nms={"type": "nms", "iou_threshold": 0.5}, max_per_img=30)


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope("mmdet")


def head(**options: Any) -> Shared2FCIoUBBoxHead:
    torch.manual_seed(0)
    return Shared2FCIoUBBoxHead(**SHAPE, **options)


def pair(**options: Any) -> tuple[Shared2FCIoUBBoxHead, Shared2FCBBoxHead]:
    """Our head and MMDetection's with the same weights in the layers that both have."""
    ours = head(**options)
    shared = {key: value for key, value in options.items() if "iou" not in key}
    theirs = Shared2FCBBoxHead(**SHAPE, **shared)
    for name, parameter in ours.fc_reg.named_parameters():  # boxes and IoUs that differ visibly
        torch.nn.init.normal_(parameter, std=2 if "iou" in name else 0.5)
    missing = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert missing.missing_keys == []
    assert missing.unexpected_keys == ["fc_reg.iou.weight", "fc_reg.iou.bias"]
    return ours, theirs


class Batch(NamedTuple):
    """What the loss of a head takes after its predictions."""

    rois: Tensor
    labels: Tensor
    label_weights: Tensor
    bbox_targets: Tensor
    bbox_weights: Tensor


def boxes(n: int) -> Tensor:
    return random_boxes(n, torch.default_generator, extent=50, sides=(5, 35))


def batch(of: Shared2FCBBoxHead, num_pos: int = 5, num_neg: int = 7) -> Batch:
    """Random RoIs, positives first as the samplers give them, near their ground truths."""
    torch.manual_seed(1)
    n = num_pos + num_neg
    priors = boxes(n)
    gt_bboxes = priors + torch.rand(n, 4) * 4
    targets = gt_bboxes if of.reg_decoded_bbox else of.bbox_coder.encode(priors, gt_bboxes)
    positive = torch.arange(n) < num_pos
    return Batch(
        rois=torch.cat([torch.zeros(n, 1), priors], dim=1),
        labels=torch.where(positive, torch.arange(n) % 3, 3),
        label_weights=torch.ones(n),
        bbox_targets=targets * positive[:, None],
        bbox_weights=positive[:, None].expand(n, 4).float(),
    )


FEATURES = torch.rand(12, 4, 2, 2, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("box_options", [{}, EIOU, GIOU])
@pytest.mark.parametrize("reg_class_agnostic", [True, False])
@pytest.mark.parametrize("reduction", [None, "none"])
def test_box_and_class_losses_are_mmdetections(
    box_options: dict[str, Any], reg_class_agnostic: bool, reduction: str | None
) -> None:
    ours, theirs = pair(reg_class_agnostic=reg_class_agnostic, **box_options)
    if box_options is EIOU:  # MMDetection's head takes our loss, as long as it needs no areas
        assert type(theirs.loss_bbox) is type(ours.loss_bbox)
    found = ours.loss(*ours(FEATURES), *batch(ours), reduction_override=reduction)
    expected = theirs.loss(*theirs(FEATURES), *batch(theirs), reduction_override=reduction)
    assert found.keys() - expected.keys() == {"loss_iou"}
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    found["loss_bbox"].sum().backward()
    expected["loss_bbox"].sum().backward()
    assert theirs.fc_reg.weight.grad.any()
    torch.testing.assert_close(ours.fc_reg.weight.grad, theirs.fc_reg.weight.grad)


def hand_made(of: Shared2FCIoUBBoxHead) -> tuple[Tensor, Batch]:
    """Deltas and targets of a positive of class 0, a negative and a positive of class 2.

    The proposals are 10 x 10. The first stays where it is, and its ground truth is its upper half:
    IoU 0.5 for the proposal and the decoded box. The ground truth of the last is its left 40 %, and
    its deltas fit: IoU 0.4 for the proposal, 1 for the decoded box.
    """
    priors = torch.tensor([[10.0, 20, 20, 30]] * 3)
    gt_bboxes = torch.tensor([[10.0, 20, 20, 25], [10, 20, 20, 30], [10, 20, 14, 30]])
    deltas = of.bbox_coder.encode(priors, gt_bboxes)
    positive = torch.tensor([[1.0], [0], [1]])
    given = Batch(
        rois=torch.cat([torch.zeros(3, 1), priors], dim=1),
        labels=torch.tensor([0, 3, 2]),
        label_weights=torch.ones(3),
        bbox_targets=(gt_bboxes if of.reg_decoded_bbox else deltas) * positive,
        bbox_weights=positive.expand(3, 4),
    )
    return deltas * torch.tensor([[0.0], [0], [1]]), given


@pytest.mark.parametrize("box_options", [{}, EIOU])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # Smooth-L1 of 0.2 - 0.5 and 0.8 - 1, its mean over the two positives.
        ({}, (0.045 + 0.02) / 2),
        # Of 0.2 - 0.5 and 0.8 - 0.4.
        ({"iou_target": "prior"}, (0.045 + 0.08) / 2),
        ({"loss_iou": {"type": "mmdet.L1Loss", "loss_weight": 2.0}}, 0.3 + 0.2),
        # Cross-entropy of logit z and target t: log(1 + e^z) - t z.
        (
            {"loss_iou": BCE},
            (math.log1p(math.exp(0.2)) - 0.5 * 0.2 + math.log1p(math.exp(0.8)) - 0.8) / 2,
        ),
    ],
)
@pytest.mark.parametrize("iou_class_agnostic", [True, False])
def test_hand_derived_iou_loss(
    box_options: dict[str, Any], options: dict[str, Any], expected: float, iou_class_agnostic: bool
) -> None:
    of = head(
        reg_class_agnostic=True,
        iou_class_agnostic=iou_class_agnostic,
        **box_options,
        **options,
    )
    deltas, given = hand_made(of)
    iou_pred = torch.tensor([[0.2, 9, 9], [9, 9, 9], [9, 9, 0.8]])  # the columns of class 0 and 2
    if iou_class_agnostic:
        iou_pred = torch.tensor([[0.2], [9], [0.8]])
    losses = of.loss(torch.zeros(3, 4), torch.cat([deltas, iou_pred], dim=1), *given)
    assert losses["loss_iou"].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("box_options", [{}, EIOU])
@pytest.mark.parametrize("loss_iou", [{"type": "mmdet.SmoothL1Loss"}, BCE])
@pytest.mark.parametrize("detach", [True, False])
def test_iou_loss_moves_boxes_only_when_asked(
    box_options: dict[str, Any], loss_iou: dict[str, Any], detach: bool
) -> None:
    of = head(detach_iou_target=detach, loss_iou=loss_iou, **box_options)
    of(FEATURES)[1].sum().backward()  # both branches reach the layer
    of.zero_grad()
    of.loss(*of(FEATURES), *batch(of))["loss_iou"].backward()
    assert of.fc_reg.iou.weight.grad.any()
    assert of.shared_fcs[0].weight.grad.any()
    moved = of.fc_reg.weight.grad is not None and bool(of.fc_reg.weight.grad.any())
    assert moved is not detach


def test_box_loss_gets_the_areas_of_the_proposals() -> None:
    options = {**EIOU, "loss_bbox": {"type": "mmeiou.EIoULoss", "sot": "prior", "loss_weight": 3.0}}
    for loss_iou in (None, {"type": "mmdet.SmoothL1Loss"}):
        of = head(reg_class_agnostic=True, loss_iou=loss_iou, **options)
        given = batch(of)
        cls_score, bbox_pred = of(FEATURES)
        total = 0.0
        for roi, delta, target in zip(given.rois[:5], bbox_pred, given.bbox_targets, strict=False):
            box = of.bbox_coder.decode(roi[None, 1:], delta[None, :4])
            area = (roi[3] - roi[1]) * (roi[4] - roi[2])
            total += eiou_loss(box, target[None], sot="prior", prior_area=area[None]).item()
        found = of.loss(cls_score, bbox_pred, *given)["loss_bbox"].item()
        assert found == pytest.approx(3 * total / 12, rel=1e-5)


@pytest.mark.parametrize("num_neg", [7, 0])
def test_without_positives_every_parameter_stays_in_the_graph(num_neg: int) -> None:
    of = head(**EIOU)
    given = batch(of, num_pos=0, num_neg=num_neg)
    losses = of.loss(*of(FEATURES[:num_neg]), *given)
    assert losses["loss_bbox"].item() == losses["loss_iou"].item() == 0
    sum(value for key, value in losses.items() if "loss" in key).backward()
    needed = of.parameters() if num_neg else of.fc_reg.parameters()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in needed)


def predictions(of: Shared2FCBBoxHead, cfg: ConfigDict | None, rescale: bool = False) -> Any:
    torch.manual_seed(3)
    rois = torch.cat([torch.zeros(12, 1), boxes(12)], dim=1)
    with torch.no_grad():
        cls_score, bbox_pred = of(FEATURES)
        cls_score = 3 * torch.randn_like(cls_score)
        (found,) = of.predict_by_feat([rois], [cls_score], [bbox_pred], [META], cfg, rescale)
    return found


@pytest.mark.parametrize("reg_class_agnostic", [True, False])
@pytest.mark.parametrize("iou_class_agnostic", [True, False])
@pytest.mark.parametrize("rescale", [True, False])
@pytest.mark.parametrize("nms", ["nms", "soft_nms", None])
def test_without_fusion_predictions_are_mmdetections(
    reg_class_agnostic: bool, iou_class_agnostic: bool, rescale: bool, nms: str | None
) -> None:
    options = {"reg_class_agnostic": reg_class_agnostic, "iou_class_agnostic": iou_class_agnostic}
    ours, theirs = pair(**options, iou_fusion=0)
    cfg = nms and ConfigDict(TEST_CFG, nms={"type": nms, "iou_threshold": 0.5})
    found, expected = predictions(ours, cfg, rescale), predictions(theirs, cfg, rescale)
    assert len(expected) > 5
    for key in expected.keys():  # noqa: SIM118 - of InstanceData, which is no mapping
        assert torch.equal(found[key], expected[key]), key


@pytest.mark.parametrize("exponent", [0.5, 0.3, 1])
@pytest.mark.parametrize("loss_iou", [{"type": "mmdet.SmoothL1Loss"}, BCE])
@pytest.mark.parametrize("iou_class_agnostic", [True, False])
def test_fusion_changes_scores_and_ranking_never_boxes(
    exponent: float, loss_iou: dict[str, Any], iou_class_agnostic: bool
) -> None:
    fused, plain = pair(
        iou_fusion=exponent, loss_iou=loss_iou, iou_class_agnostic=iou_class_agnostic
    )
    found, expected = predictions(fused, None), predictions(plain, None)
    assert torch.equal(found.bboxes, expected.bboxes)
    assert torch.equal(found.scores[:, -1], expected.scores[:, -1]), "background changed"
    assert not torch.equal(found.scores.argsort(dim=0), expected.scores.argsort(dim=0))

    iou_columns = fused(FEATURES)[1][:, 12:]
    for row, classes in enumerate(expected.scores[:, :-1].tolist()):
        for label, probability in enumerate(classes):
            iou = iou_columns[row, 0 if iou_class_agnostic else label].item()
            iou = 1 / (1 + math.exp(-iou)) if loss_iou is BCE else min(max(iou, 0), 1)
            score = probability ** (1 - exponent) * iou**exponent
            assert found.scores[row, label].item() == pytest.approx(score, abs=1e-5)


@pytest.mark.parametrize("iou_class_agnostic", [True, False])
def test_detections_are_those_of_the_class_threshold_with_their_own_iou(
    iou_class_agnostic: bool,
) -> None:
    """Without suppression: one detection for each probability above the threshold."""
    ours, theirs = pair(iou_class_agnostic=iou_class_agnostic)
    cfg = ConfigDict(TEST_CFG, nms={"type": "nms", "iou_threshold": 1.0}, max_per_img=100)
    raw, fused = predictions(theirs, None), predictions(ours, None).scores
    iou_columns = ours(FEATURES)[1][:, 12:].clamp(0, 1)
    assert (iou_columns == 0).any(), "an IoU of 0 is part of the test"
    expected = set()
    for row, label in (raw.scores[:, :3] > cfg.score_thr).nonzero().tolist():
        iou = iou_columns[row, 0 if iou_class_agnostic else label]
        box = raw.bboxes.view(12, 3, 4)[row, label]
        expected.add((label, *box.tolist(), fused[row, label].item(), iou.item()))

    found = predictions(ours, cfg)
    rows = zip(found.labels, found.bboxes, found.scores, found.iou_scores, strict=True)
    assert {(a.item(), *b.tolist(), c.item(), d.item()) for a, b, c, d in rows} == expected
    assert len(found) == len(predictions(theirs, cfg))
    assert (found.scores.diff() <= 0).all()


def test_no_rois() -> None:
    of = head()
    rois = torch.zeros(0, 5)
    cls_score, bbox_pred = of(FEATURES[:0])
    for cfg in (TEST_CFG, None):
        (found,) = of.predict_by_feat([rois], [cls_score], [bbox_pred], [META], cfg)
        assert len(found) == 0
        assert ("iou_scores" in found) is (cfg is TEST_CFG)


@pytest.mark.parametrize("reg_class_agnostic", [True, False])
def test_refined_boxes_of_a_cascade_are_mmdetections(reg_class_agnostic: bool) -> None:
    ours, theirs = pair(reg_class_agnostic=reg_class_agnostic)
    priors, labels = boxes(12), torch.arange(12) % 3
    refined = [of.regress_by_class(priors, labels, of(FEATURES)[1], META) for of in (ours, theirs)]
    assert torch.equal(*refined)


def test_initial_iou_columns_are_small_but_alive() -> None:
    of = head(iou_class_agnostic=False)
    of.init_weights()
    for layer in (of.fc_reg, of.fc_reg.iou):
        assert 0 < layer.weight.std() < 0.002
        assert not layer.bias.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("loss_iou", [{"type": "mmdet.SmoothL1Loss"}, BCE])
def test_low_precision(dtype: torch.dtype, loss_iou: dict[str, Any]) -> None:
    of = head(loss_iou=loss_iou, **EIOU)
    expected = of.loss(*of(FEATURES), *batch(of))
    with torch.autocast("cpu", dtype):
        found = of.loss(*of(FEATURES), *batch(of))
        detections = predictions(of, TEST_CFG)
    assert found["loss_iou"].item() == pytest.approx(expected["loss_iou"].item(), rel=0.02)
    found["loss_iou"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in of.parameters())
    assert detections.scores.isfinite().all()
    assert detections.iou_scores.dtype == torch.float32
    assert len(detections)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"iou_fusion": 1.2}, r"in \[0, 1\], got 1.2"),
        ({"iou_fusion": -0.1}, r"in \[0, 1\], got -0.1"),
        ({"iou_target": "gt"}, "'decoded', 'prior'.*got 'gt'"),
        ({"loss_bbox": {"type": "mmeiou.EIoULoss"}}, "write reg_decoded_bbox=True"),
        ({"loss_bbox": {"type": "mmdet.BoundedIoULoss"}}, "write reg_decoded_bbox=True"),
        ({"loss_iou": {"type": "mmdet.CrossEntropyLoss"}}, "use_sigmoid=True"),
        ({"with_reg": False}, "with_reg=True"),
        ({"reg_predictor_cfg": {"type": "NormedLinear"}}, "reg_predictor_cfg"),
    ],
)
def test_bad_options(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        head(**options)


def test_without_iou_branch_it_is_mmdetections_head() -> None:
    ours = head(loss_iou=None)
    torch.manual_seed(0)
    theirs = Shared2FCBBoxHead(**SHAPE)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    theirs.load_state_dict(ours.state_dict())
    found = ours.loss(*ours(FEATURES), *batch(ours))
    expected = theirs.loss(*theirs(FEATURES), *batch(theirs))
    assert found == expected
    found, expected = predictions(ours, TEST_CFG), predictions(theirs, TEST_CFG)
    assert torch.equal(found.bboxes, expected.bboxes)
    assert found.keys() == expected.keys()
