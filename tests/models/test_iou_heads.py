"""RetinaNet, ATSS and FCOS heads with an IoU branch, against MMDetection's own and naive loops."""

from typing import Any

import pytest
import torch
from helpers.boxes import naive_iou
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor, nn

SIZE = 64
STRIDES = (8, 16)
ANCHORS = {
    "type": "AnchorGenerator",
    "ratios": [0.5, 1.0],
    "octave_base_scale": 3,
    "scales_per_octave": 1,
    "strides": STRIDES,
}
TEST_CFG = {
    "score_thr": 0.0,
    "nms_pre": 1000,
    "min_bbox_size": -1,
    "nms": {"type": "nms", "iou_threshold": 0.6},
    "max_per_img": 100,
}
SPECIFIC: dict[str, dict[str, Any]] = {
    "RetinaHead": {
        "anchor_generator": ANCHORS,
        "reg_decoded_bbox": True,
        "train_cfg": {
            "assigner": {
                "type": "MaxIoUAssigner",
                "pos_iou_thr": 0.4,
                "neg_iou_thr": 0.3,
                "min_pos_iou": 0,
            },
            "allowed_border": -1,
            "pos_weight": -1,
        },
    },
    "ATSSHead": {
        "anchor_generator": ANCHORS,
        "norm_cfg": None,
        "train_cfg": {
            "assigner": {"type": "ATSSAssigner", "topk": 6},
            "allowed_border": -1,
            "pos_weight": -1,
        },
    },
    "FCOSHead": {
        "strides": STRIDES,
        "regress_ranges": ((-1, 20), (20, 1e8)),
        "norm_cfg": None,
        "centerness_on_reg": True,
    },
}
BOX_PREDICTOR = {"RetinaHead": "retina_reg", "ATSSHead": "atss_reg", "FCOSHead": "conv_reg"}
VARIANTS = [
    ("RetinaHead", {}),
    ("ATSSHead", {}),
    ("ATSSHead", {"keep_centerness": True}),
    ("FCOSHead", {}),
    ("FCOSHead", {"keep_centerness": True}),
]
every_head = pytest.mark.parametrize("name", SPECIFIC)
every_variant = pytest.mark.parametrize(("name", "options"), VARIANTS)

# One object in each image, so that every positive's ground truth is known: (12, 10, 34, 40) has
# positives on the finer level of FCOS, (4, 6, 60, 62) on the coarser one.
GT = torch.tensor([[[12.0, 10, 34, 40]], [[4.0, 6, 60, 62]]])


def config(name: str, *, plain: bool = False, **options: Any) -> ConfigDict:
    common = {
        "type": name if plain else f"mmeiou.IoU{name}",
        "num_classes": 3,
        "in_channels": 8,
        "feat_channels": 8,
        "stacked_convs": 1,
        "loss_cls": {"type": "FocalLoss", "use_sigmoid": True},
        "loss_bbox": {"type": "mmeiou.EIoULoss"},
        "test_cfg": TEST_CFG,
    }
    return ConfigDict(common | SPECIFIC[name] | options)


def build(name: str, **options: Any) -> nn.Module:
    init_default_scope("mmdet")
    torch.manual_seed(0)
    head = MODELS.build(config(name, **options))
    for parameter in head.parameters():  # spread, unlike MMDetection's initial 0.01
        nn.init.normal_(parameter, std=0.1)
    return head


def features() -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(2, 8, SIZE // stride, SIZE // stride) for stride in STRIDES]


def batch(gt: Tensor = GT) -> list[DetDataSample]:
    meta = {
        "img_shape": (SIZE, SIZE),
        "pad_shape": (SIZE, SIZE),
        "ori_shape": (SIZE, SIZE),
        "scale_factor": (1.0, 1.0),
    }
    return [
        DetDataSample(
            gt_instances=InstanceData(
                bboxes=bboxes, labels=torch.ones(len(bboxes), dtype=torch.long)
            ),
            metainfo=meta,
        )
        for bboxes in gt
    ]


class Spy(nn.Module):
    """Stands in for a loss and keeps what it was called with."""

    def __init__(self, *, needs_prior_area: bool = False) -> None:
        super().__init__()
        self.needs_prior_area = needs_prior_area
        self.calls: list[dict[str, Any]] = []

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        self.calls.append({"pred": pred, "target": target, "weight": weight, **kwargs})
        return pred.sum()


def location(number: int, anchors: int) -> tuple[int, int, int, int, int]:
    """Level, image, anchor, row and column of an element of the numbered IoU maps."""
    for level, stride in enumerate(STRIDES):
        side = SIZE // stride
        if number < 2 * anchors * side * side:
            image, rest = divmod(number, anchors * side * side)
            anchor, rest = divmod(rest, side * side)
            return level, image, anchor, *divmod(rest, side)
        number -= 2 * anchors * side * side
    raise AssertionError(number)


def numbered(maps: list[Tensor]) -> list[Tensor]:
    """Maps of the same shapes in which every element is another number."""
    ends = torch.tensor([m.numel() for m in maps]).cumsum(0).tolist()
    numbers = torch.arange(float(ends[-1]))
    return [numbers[end - m.numel() : end].view(m.shape) for end, m in zip(ends, maps, strict=True)]


def losses_of(head: nn.Module, outputs: Any, samples: list[DetDataSample]) -> dict[str, Any]:
    return head.loss_by_feat(
        *outputs, [s.gt_instances for s in samples], [s.metainfo for s in samples], None
    )


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("RetinaHead", "decoded"),
        ("RetinaHead", "prior"),
        ("ATSSHead", "decoded"),
        ("ATSSHead", "prior"),
        ("FCOSHead", "decoded"),  # its priors are points
    ],
)
def test_each_positive_is_compared_with_the_iou_of_its_own_box(name: str, target: str) -> None:
    head = build(name, iou_target=target)
    head.loss_iou = Spy()
    cls_scores, bbox_preds, iou_preds = head(features())
    losses_of(head, (cls_scores, bbox_preds, numbered(iou_preds)), batch())
    (call,) = head.loss_iou.calls
    assert call["target"].shape == call["pred"].shape
    assert len(call["pred"]) == call["avg_factor"] > 2
    seen = set()
    for number, value in zip(call["pred"].tolist(), call["target"].tolist(), strict=True):
        level, image, anchor, row, column = location(int(number), iou_preds[0].shape[1])
        side, stride = SIZE // STRIDES[level], STRIDES[level]
        if name == "FCOSHead":
            prior = torch.tensor([(column + 0.5) * stride, (row + 0.5) * stride])
        else:
            per_level = head.prior_generator.grid_priors(
                [(SIZE // s,) * 2 for s in STRIDES], device="cpu"
            )
            prior = per_level[level][(row * side + column) * iou_preds[0].shape[1] + anchor]
        box = prior
        if target == "decoded":
            deltas = bbox_preds[level][image, 4 * anchor : 4 * anchor + 4, row, column]
            box = head.bbox_coder.decode(prior[None], deltas[None])[0]
        expected = naive_iou(box.tolist(), GT[image, 0].tolist())
        assert value == pytest.approx(expected, abs=1e-5)
        seen.add((level, image))
    assert {image for _, image in seen} == {0, 1}
    assert {level for level, _ in seen} == {0, 1}


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("RetinaHead", {"reg_decoded_bbox": False, "loss_bbox": {"type": "SmoothL1Loss"}}),
        ("FCOSHead", {"norm_on_bbox": True}),
    ],
)
def test_ious_are_those_of_boxes_whatever_is_regressed(name: str, option: dict[str, Any]) -> None:
    """Deltas against boxes in RetinaNet, distances in strides against pixels in FCOS."""
    targets = []
    for head in (build(name), build(name, **option)):
        head.loss_iou = Spy()
        cls_scores, bbox_preds, iou_preds = head(features())
        if name == "FCOSHead":  # the same boxes in both
            units = [1 if head.norm_on_bbox else stride for stride in STRIDES]
            distances = [m.sigmoid() * 2 * u for m, u in zip(cls_scores, units, strict=True)]
            bbox_preds = [torch.cat([d, d[:, :1]], dim=1) for d in distances]
        losses_of(head, (cls_scores, bbox_preds, iou_preds), batch())
        targets.append(head.loss_iou.calls[0]["target"])
    assert len(targets[0]) > 2
    torch.testing.assert_close(*targets, atol=1e-5, rtol=0)


@pytest.mark.parametrize("gt", [GT, GT[:, :0]], ids=["objects", "none"])
@every_variant
def test_the_other_losses_are_those_of_mmdetection(
    name: str, options: dict[str, Any], gt: Tensor
) -> None:
    head, plain = build(name, **options), build(name, plain=True)
    plain.load_state_dict(head.state_dict(), strict=False)
    losses, expected = (h.loss(features(), batch(gt)) for h in (head, plain))
    centerness = expected.pop("loss_centerness", None)
    if options:
        assert losses.pop("loss_centerness") == centerness
    loss_iou = losses.pop("loss_iou")
    assert loss_iou.shape == ()
    assert (loss_iou > 0) == bool(gt.numel())
    assert losses == expected


@pytest.mark.parametrize("gt", [GT, GT[:, :0]], ids=["objects", "none"])
@pytest.mark.parametrize("name", ["ATSSHead", "FCOSHead"])
def test_a_replaced_centerness_has_no_loss_computed(name: str, gt: Tensor) -> None:
    head = build(name)
    head.loss_centerness = Spy()
    assert "loss_centerness" not in head.loss(features(), batch(gt))
    assert not head.loss_centerness.calls


@every_head
def test_without_fusion_predictions_are_those_of_mmdetection(name: str) -> None:
    options = {} if name == "RetinaHead" else {"keep_centerness": True}
    head, plain = build(name, iou_fusion=0.0, **options), build(name, plain=True)
    plain.load_state_dict(head.state_dict(), strict=False)
    with torch.no_grad():
        found, expected = (h.eval().predict(features(), batch()) for h in (head, plain))
    for a, b in zip(found, expected, strict=True):
        assert len(a) > 10
        assert torch.equal(a.bboxes, b.bboxes)
        assert torch.equal(a.labels, b.labels)
        tolerance = 0 if name == "RetinaHead" else 1e-6  # centerness takes one more logarithm
        torch.testing.assert_close(a.scores, b.scores, atol=tolerance, rtol=0)


@every_variant
@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_fusion_changes_scores_and_never_boxes(
    name: str, options: dict[str, Any], exponent: float
) -> None:
    head = build(name, iou_fusion=exponent, **options).eval()
    head.bbox_coder.clip_border = False  # so that each box tells which prior it is of
    with torch.no_grad():
        outputs = head(features())
        (found, _) = head.predict_by_feat(
            *outputs, batch_img_metas=[s.metainfo for s in batch()], with_nms=False
        )
        cls_scores, bbox_preds, iou_preds, *centernesses = (
            [m[0] for m in maps] for maps in outputs
        )
        priors = head.prior_generator.grid_priors([m.shape[-2:] for m in cls_scores], device="cpu")
        naive = {}
        for level, prior in enumerate(priors):
            anchors, rows, columns = iou_preds[level].shape
            for row in range(rows):
                for column in range(columns):
                    for anchor in range(anchors):
                        at = (row * columns + column) * anchors + anchor
                        deltas = bbox_preds[level][4 * anchor : 4 * anchor + 4, row, column]
                        box = head.bbox_coder.decode(
                            prior[at : at + 1], deltas[None], max_shape=(SIZE, SIZE)
                        )
                        iou = iou_preds[level][anchor, row, column].clamp(0, 1)
                        for label in range(3):
                            score = cls_scores[level][3 * anchor + label, row, column].sigmoid()
                            if centernesses:
                                score = (
                                    score * centernesses[0][level][anchor, row, column].sigmoid()
                                )
                            key = (*(round(x, 3) for x in box[0].tolist()), label)
                            fused = score ** (1 - exponent) * iou**exponent
                            naive[key] = (float(fused), float(iou))
    assert len(found) == len(naive) == 3 * sum(m.numel() for m in iou_preds)
    ious = found.get("iou_scores", [None] * len(found))
    for bbox, label, score, iou in zip(
        found.bboxes.tolist(), found.labels.tolist(), found.scores.tolist(), ious, strict=True
    ):
        expected_score, expected_iou = naive[(*(round(x, 3) for x in bbox), label)]
        assert score == pytest.approx(expected_score, abs=1e-6)
        assert options or float(iou) == pytest.approx(expected_iou, abs=1e-6)


def test_iou_scores_stay_with_their_boxes_through_nms() -> None:
    head = build("RetinaHead").eval()
    with torch.no_grad():
        outputs = head(features())
        metas = [s.metainfo for s in batch()]
        before, after = (
            head.predict_by_feat(*outputs, batch_img_metas=metas, with_nms=with_nms)[0]
            for with_nms in (False, True)
        )
    assert 10 < len(after) < len(before)
    for index in range(len(after)):
        same = (before.bboxes == after.bboxes[index]).all(1) & (
            before.labels == after.labels[index]
        )
        assert after.iou_scores[index] == before.iou_scores[same].item()


@every_head
def test_gradient_of_the_iou_loss_reaches_the_boxes_only_when_asked(name: str) -> None:
    for detached in (True, False):
        head = build(name, detach_iou_target=detached)
        head.loss(features(), batch())["loss_iou"].backward()
        box_gradient = getattr(head, BOX_PREDICTOR[name]).weight.grad
        assert head.conv_iou.weight.grad.abs().max() > 0
        if detached:
            assert box_gradient is None or not box_gradient.any()
        else:
            assert box_gradient.isfinite().all()
            assert box_gradient.abs().max() > 0


@every_variant
def test_a_batch_without_objects_still_trains_every_parameter(
    name: str, options: dict[str, Any]
) -> None:
    head = build(name, **options)
    losses = head.loss(features(), batch(GT[:, :0]))
    assert losses["loss_iou"] == 0
    sum(sum(v) if isinstance(v, list) else v for v in losses.values()).backward()
    for key, parameter in head.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key


@every_variant
def test_centerness_is_replaced_or_joined(name: str, options: dict[str, Any]) -> None:
    parameters = [key for key, _ in build(name, **options).named_parameters()]
    assert any("centerness" in key for key in parameters) == bool(options)
    assert {"conv_iou.weight", "conv_iou.bias"} <= set(parameters)


@every_head
def test_a_sigmoid_loss_makes_the_outputs_logits(name: str) -> None:
    loss_iou = {"type": "mmdet.CrossEntropyLoss", "use_sigmoid": True}
    head = build(name, loss_iou=loss_iou, iou_fusion=1.0)
    # Cross-entropy of the logit 0 is log 2, whatever the target.
    cls_scores, bbox_preds, iou_preds = head(features())
    zeros = [torch.zeros_like(m) for m in iou_preds]
    losses = losses_of(head, (cls_scores, bbox_preds, zeros), batch())
    assert losses["loss_iou"].item() == pytest.approx(0.693147, abs=1e-6)
    metas = [s.metainfo for s in batch()]
    (found, _) = head.predict_by_feat(cls_scores, bbox_preds, zeros, batch_img_metas=metas)
    assert (found.scores == 0.5).all()
    assert (found.iou_scores == 0.5).all()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        # Anchors of ratio r and scale 3 have the area (3 * stride)**2: 576 and 2304.
        ("RetinaHead", {}, {576.0, 2304.0}),
        ("ATSSHead", {}, {576.0, 2304.0}),
        ("FCOSHead", {}, {64.0, 256.0}),
        ("FCOSHead", {"norm_on_bbox": True}, {1.0}),
    ],
)
def test_the_box_loss_gets_the_areas_of_its_priors(
    name: str, options: dict[str, Any], expected: set[float]
) -> None:
    head = build(name, **options)
    head.loss_bbox = Spy(needs_prior_area=True)
    head.loss(features(), batch())
    areas = []
    for call in head.loss_bbox.calls:
        positive = call["target"].any(dim=1)
        area = call["prior_area"]
        assert area.shape == (len(call["pred"]),)
        areas += area.round().tolist()
        if name == "FCOSHead" and not options:
            # The small object is the finer level's, the large one the coarser level's.
            small = (call["target"] - GT[0]).abs().amax(dim=1) < 1e-3
            assert (area[small] == 64).all()
            assert (area[positive & ~small] == 256).all()
    assert set(areas) == expected


@every_head
def test_steady_optimization_by_prior_area_scales_the_loss(name: str) -> None:
    """Union over prior area times the plain loss, box by box."""
    plain, steady = (
        build(name, loss_bbox={"type": "mmeiou.EIoULoss", "sot": sot}) for sot in (None, "prior")
    )
    a, b = (h.loss(features(), batch())["loss_bbox"] for h in (plain, steady))
    a, b = (torch.as_tensor(sum(v) if isinstance(v, list) else v) for v in (a, b))
    assert b.isfinite()
    assert (a - b).abs() > 0.1 * a
    b.backward()


@every_head
def test_losses_are_divided_by_the_positives_of_all_processes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = build(name, loss_iou={"type": "mmdet.L1Loss", "reduction": "mean"})
    alone = head.loss(features(), batch())["loss_iou"]
    monkeypatch.setattr("mmeiou.models.iou_branch.reduce_mean", lambda x: x * 4)
    together = head.loss(features(), batch())["loss_iou"]
    torch.testing.assert_close(together, alone / 4)


@every_head
def test_half_precision_features(name: str) -> None:
    head = build(name)
    with torch.autocast("cpu", torch.bfloat16):
        losses = head.loss(features(), batch())
        with torch.no_grad():
            (found, _) = head.eval().predict(features(), batch())
    loss = sum(sum(v) if isinstance(v, list) else v for v in losses.values())
    loss.backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())
    assert found.scores.dtype == found.iou_scores.dtype == torch.float32


@every_head
def test_a_detector_is_initialised_trains_and_predicts(name: str) -> None:
    init_default_scope("mmdet")
    torch.manual_seed(0)
    head_cfg = config(name)
    detector = MODELS.build(
        ConfigDict(
            type="mmdet.SingleStageDetector",
            backbone={"type": "ResNet", "depth": 18, "base_channels": 4, "out_indices": (1, 2)},
            neck={"type": "FPN", "in_channels": [8, 16], "out_channels": 8, "num_outs": 2},
            bbox_head=head_cfg,
            train_cfg=head_cfg.pop("train_cfg", None),
            test_cfg=head_cfg.pop("test_cfg"),
        )
    )
    head = detector.bbox_head
    detector.init_weights()
    assert head.conv_iou.weight.std().item() == pytest.approx(0.01, rel=0.3)
    assert not head.conv_iou.bias.any()
    image = torch.randn(2, 3, SIZE, SIZE)
    losses = detector.loss(image, batch())
    sum(sum(v) if isinstance(v, list) else v for v in losses.values()).backward()
    for part in (detector.neck, head):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in part.parameters())
    with torch.no_grad():
        found = detector.eval().predict(image, batch())[0].pred_instances
    assert found.iou_scores.shape == found.scores.shape == (len(found),)
    assert ((found.iou_scores >= 0) & (found.iou_scores <= 1)).all()


@pytest.mark.parametrize("loss", ["mmeiou.EIoULoss", "GIoULoss", "IoULoss"])
@pytest.mark.parametrize("name", ["RetinaHead", "ATSSHead"])
def test_iou_losses_on_deltas_are_refused(name: str, loss: str) -> None:
    with pytest.raises(ValueError, match="reg_decoded_bbox=True"):
        build(name, reg_decoded_bbox=False, loss_bbox={"type": loss})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("FCOSHead", {"iou_target": "prior"}, "iou_target='decoded'"),
        ("RetinaHead", {"iou_target": "anchor"}, "'decoded', 'prior'"),
        ("ATSSHead", {"iou_fusion": 1.5}, r"in \[0, 1\], got 1.5"),
    ],
)
def test_impossible_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(name, **options)
