"""What MMDetection's heads ask of a box loss, of every one that is registered here."""

import pytest
import torch
from helpers.boxes import random_boxes
from mmdet.models.losses import IoULoss
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

from mmeiou.models import losses
from mmeiou.registry import MODELS

# Not the defaults, so that an option that gets lost is seen.
OPTIONS = {
    "AlphaIoULoss": {"alpha": 2.0, "base": "ciou"},
    "EIoULoss": {"smooth_point": 0.2, "sot": "target"},
    "EfficientIoULoss": {"gamma": 0.5},
    "FocalerIoULoss": {"lower": 0.1, "upper": 0.8, "base": "giou"},
    "InnerIoULoss": {"ratio": 1.2, "base": "diou"},
    "MPDIoULoss": {"img_size": (64, 48)},
    "NWDLoss": {"constant": 30.0},
    "PIoULoss": {"version": "v2", "attention": 1.2, "detach_attention": True},
    "ShapeIoULoss": {"scale": 1.0, "theta": 3.0},
    "WIoULoss": {"version": "v1"},
}
OTHER = {
    "alpha": 3.0,
    "attention": 1.4,
    "base": "iou",
    "constant": 12.8,
    "detach_attention": False,
    "gamma": 0.0,
    "img_size": (640, 640),
    "lower": 0.0,
    "ratio": 0.8,
    "scale": 0.0,
    "smooth_point": 0.1,
    "sot": None,
    "theta": 4.0,
    "upper": 0.95,
    "version": "v1",
}
WRONG = {
    "AlphaIoULoss": {"alpha": 0.5},
    "EIoULoss": {"smooth_point": 0.0},
    "EfficientIoULoss": {"gamma": -1.0},
    "FocalerIoULoss": {"lower": 0.9, "upper": 0.1},
    "InnerIoULoss": {"ratio": 0.0},
    "MPDIoULoss": {"img_size": (0, 0)},
    "NWDLoss": {"constant": 0.0},
    "PIoULoss": {"version": "v3"},
    "ShapeIoULoss": {"scale": -1.0},
    "WIoULoss": {"version": "v2"},
}
each_loss = pytest.mark.parametrize("name", OPTIONS)

PRED = random_boxes(40, 0, 12, (3, 12))
TARGET = random_boxes(40, 1, 12, (3, 12))


def build(name: str, **more: object) -> losses.box_loss.BoxLoss:
    return MODELS.build({"type": f"mmeiou.{name}", **OPTIONS[name], **more})


def test_every_registered_box_loss_is_tested() -> None:
    assert set(OPTIONS) == set(losses.__all__) == set(WRONG)


@each_loss
def test_reduces_and_weighs_as_mmdetections_iou_loss_does(name: str) -> None:
    each = build(name)(PRED, TARGET, reduction_override="none")
    iou_loss = IoULoss(mode="linear")(PRED, TARGET, reduction_override="none")
    assert each.shape == (40,)
    ours, theirs = build(name, loss_weight=3.0), IoULoss(mode="linear", loss_weight=3.0)
    weight = torch.linspace(0, 2, 40)
    by_edge = torch.rand(40, 4, generator=torch.Generator().manual_seed(2))
    for arguments in (
        {},
        {"weight": weight},
        {"weight": by_edge},
        {"weight": torch.zeros(40)},
        {"avg_factor": 7.0},
        {"weight": weight, "avg_factor": 7},
        {"reduction_override": "sum"},
        {"weight": weight, "reduction_override": "sum"},
        {"weight": weight, "reduction_override": "none"},
    ):
        outcomes = []
        for module, values in ((ours, each), (theirs, iou_loss)):
            reduced = module(PRED, TARGET, **arguments)
            outcomes.append(reduced)
            weights = arguments.get("weight", torch.ones(40))
            weights = weights.mean(1) if weights.dim() == 2 else weights
            expected = 3 * values * weights
            if arguments.get("reduction_override") != "none":
                expected = expected.sum()
                if "reduction_override" not in arguments:
                    expected = expected / arguments.get("avg_factor", 40)
            torch.testing.assert_close(reduced, expected)
        assert outcomes[0].shape == outcomes[1].shape
    for module in (ours, theirs):
        with pytest.raises(ValueError, match="avg_factor can not be used"):
            module(PRED, TARGET, avg_factor=7.0, reduction_override="sum")


@pytest.mark.parametrize(
    ("name", "key"),
    [(name, key) for name, options in OPTIONS.items() for key in options if name != "WIoULoss"],
)
def test_each_option_counts(name: str, key: str) -> None:
    """WIoU's do in its own tests."""
    module = build(name)
    assert getattr(module, key) == OPTIONS[name][key]
    other = build(name, **{key: OTHER[key]})
    assert not torch.allclose(module(PRED, TARGET), other(PRED, TARGET), rtol=1e-3) or (
        key == "detach_attention"  # which is the gradient's
    )


def test_detached_attention_counts() -> None:
    gradients = []
    for detach in (False, True):
        pred = PRED.clone().requires_grad_()
        build("PIoULoss", detach_attention=detach)(pred, TARGET).backward()
        gradients.append(pred.grad)
    assert not torch.allclose(*gradients)


@each_loss
def test_wrong_options(name: str) -> None:
    with pytest.raises(ValueError, match="must"):
        build(name, **WRONG[name])
    with pytest.raises(ValueError, match="reduction must be one of"):
        build(name, reduction="average")
    with pytest.raises(ValueError, match="reduction_override must be one of"):
        build(name)(PRED, TARGET, reduction_override="average")
    with pytest.raises(ValueError, match=r"weight must have the shape \(40,\).*\(2,\)"):
        build(name)(PRED, TARGET, torch.ones(2))


@each_loss
def test_nothing_to_learn_gives_zero_with_a_gradient(name: str) -> None:
    pred = PRED.clone().requires_grad_()
    build(name)(pred, TARGET, torch.zeros(40), avg_factor=1.0).backward()
    assert pred.grad is not None
    assert pred.grad.abs().max() == 0
    none = torch.zeros(0, 4, requires_grad=True)
    loss = build(name)(none, TARGET[:0])
    loss.backward()
    assert loss == 0
    assert none.grad is not None


@each_loss
def test_encoded_deltas_are_refused(name: str) -> None:
    deltas = torch.tensor([[0.3, 0.2, -0.4, -0.1]])
    with pytest.raises(ValueError, match=r"is not a box.*reg_decoded_bbox=True"):
        build(name)(deltas, deltas)


@pytest.fixture(autouse=True)
def _scope() -> None:
    init_default_scope("mmdet")


@each_loss
def test_a_step_of_faster_rcnns_box_head(name: str) -> None:
    torch.manual_seed(0)
    head = MODELS.build(
        {
            "type": "mmdet.Shared2FCBBoxHead",
            "in_channels": 2,
            "fc_out_channels": 8,
            "roi_feat_size": 3,
            "num_classes": 2,
            "bbox_coder": {
                "type": "DeltaXYWHBBoxCoder",
                "target_means": [0.0] * 4,
                "target_stds": [0.1, 0.1, 0.2, 0.2],
            },
            "reg_decoded_bbox": True,
            "loss_bbox": {"type": f"mmeiou.{name}", **OPTIONS[name]},
        }
    )
    head.init_weights()
    rois = torch.cat([torch.zeros(40, 1), PRED], dim=1)
    labels = torch.randint(3, (40,), generator=torch.Generator().manual_seed(1))  # 2: background
    optimizer = torch.optim.SGD(head.parameters(), lr=0.01)
    values = []
    for _ in range(2):
        scores, deltas = head(torch.ones(40, 2, 3, 3))
        loss = head.loss(scores, deltas, rois, labels, torch.ones(40), TARGET, torch.ones(40, 4))[
            "loss_bbox"
        ]
        optimizer.zero_grad()
        loss.backward()
        assert head.fc_reg.weight.grad.abs().max() > 0
        assert all(p.grad.isfinite().all() for p in head.parameters() if p.grad is not None)
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[1] != values[0] > 0


@each_loss
def test_a_step_of_retinanets_head(name: str) -> None:
    torch.manual_seed(0)
    head = MODELS.build(
        {
            "type": "mmdet.RetinaHead",
            "num_classes": 2,
            "in_channels": 4,
            "feat_channels": 4,
            "stacked_convs": 1,
            "anchor_generator": {
                "type": "AnchorGenerator",
                "octave_base_scale": 4,
                "scales_per_octave": 1,
                "ratios": [0.5, 1.0, 2.0],
                "strides": [8, 16],
            },
            "reg_decoded_bbox": True,
            "loss_bbox": {"type": f"mmeiou.{name}", **OPTIONS[name]},
            "train_cfg": ConfigDict(
                assigner={
                    "type": "MaxIoUAssigner",
                    "pos_iou_thr": 0.5,
                    "neg_iou_thr": 0.4,
                    "min_pos_iou": 0,
                    "ignore_iof_thr": -1,
                },
                sampler={"type": "PseudoSampler"},
                allowed_border=-1,
                pos_weight=-1,
            ),
        }
    )
    head.init_weights()
    features = [torch.rand(1, 4, side, side) for side in (8, 4)]
    truth = InstanceData(bboxes=torch.tensor([[10.0, 12, 40, 50]]), labels=torch.tensor([1]))
    meta = {"img_shape": (64, 64), "pad_shape": (64, 64), "batch_input_shape": (64, 64)}
    loss = sum(head.loss_by_feat(*head(features), [truth], [meta])["loss_bbox"])
    loss.backward()
    assert loss > 0
    gradient = head.retina_reg.weight.grad
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
