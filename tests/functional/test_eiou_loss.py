from itertools import product

import pytest
import torch
from helpers.boxes import random_boxes
from torch import Tensor

from mmeiou.functional.eiou_loss import eiou_loss, eiou_loss_definition
from mmeiou.functional.extended_iou import extended_iou, intersection_and_union


@pytest.mark.parametrize(
    ("pred", "expected"),
    [
        ((0, 0, 1, 1), 0.0),
        ((1, 0, 2, 1), 0.95),  # touching side by side
        ((1, 1, 2, 2), 0.95),  # touching at the corner
        ((-1, -1, 1, 1), 0.70),  # IoU 1/4
        ((3, 0, 4, 1), 1.45),
        ((5, 5, 6, 6), 1.91),
        ((0.5, 0.5, 0.5, 0.5), 0.95),  # no area
    ],
)
def test_values_derived_by_hand(pred: tuple, expected: float) -> None:
    target = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    loss = eiou_loss(torch.tensor([pred], dtype=torch.float32), target, smooth_point=0.1)
    assert float(loss) == pytest.approx(expected, abs=5e-3)


@pytest.mark.parametrize("smooth_point", [0.1, 0.2, 1.0])
def test_both_sides_of_the_knee(smooth_point: float) -> None:
    target = torch.tensor([[0.0, 0.0, 10.0, 4.0]], dtype=torch.float64)
    for iou in (1 - smooth_point / 2, 1 - smooth_point - 0.05):
        if iou <= 0:
            continue
        # narrower by the factor iou: contained, so that its IoU is that factor
        pred = torch.tensor([[0.0, 0.0, 10 * iou, 4.0]], dtype=torch.float64)
        d = 1 - iou
        expected = d * d / (2 * smooth_point) if d < smooth_point else d - smooth_point / 2
        assert float(eiou_loss(pred, target, smooth_point)) == pytest.approx(expected)
        pred.requires_grad_()
        assert torch.autograd.gradcheck(lambda p: eiou_loss(p, target, smooth_point), (pred,))


def test_gradient_vanishes_at_the_minimum_and_pulls_from_afar() -> None:
    target = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
    same = target.clone().requires_grad_()
    eiou_loss(same, target).sum().backward()
    assert same.grad is not None
    assert same.grad.abs().max() == 0
    far = (target + 30).requires_grad_()
    eiou_loss(far, target).sum().backward()
    assert far.grad is not None
    assert (far.grad[0, :2] > 0).all()  # moving the near corner towards the target helps


@pytest.mark.parametrize("smooth_point", [0, -0.1, 1.5, float("nan")])
def test_knee_outside_its_range(smooth_point: float) -> None:
    with pytest.raises(ValueError, match="smooth_point must be in"):
        eiou_loss(torch.zeros(1, 4), torch.zeros(1, 4), smooth_point)


def test_shapes_must_match() -> None:
    with pytest.raises(ValueError, match=r"\(2, 4\).*\(1, 4\)"):
        eiou_loss(torch.zeros(2, 4), torch.zeros(1, 4))


def boxes(n: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return random_boxes(n, seed, extent=12, sides=(0.5, 6.5), dtype=dtype)


def close_boxes(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pairs near the minimum, where the knee is."""
    target = boxes(n, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    return target + torch.randn(n, 4, generator=generator, dtype=torch.float64) * 0.1, target


def naive_loss(
    pred: Tensor, target: Tensor, smooth_point: float, reference: float | None = None
) -> float:
    """One pair by the method's table of cases, in Python."""
    px1, py1, px2, py2 = pred.tolist()
    tx1, ty1, tx2, ty2 = target.tolist()
    left, top = min(px1, tx1), min(py1, ty1)
    width = min(px2, tx2) - max(px1, tx1)
    height = min(py2, ty2) - max(py1, ty1)
    right_x, right_y = max(px1, tx1) - left, max(py1, ty1) - top
    if width >= 0 and height >= 0:
        inter = width * height
    elif height >= 0:
        inter = width * (height + 2 * right_y)
    elif width >= 0:
        inter = height * (width + 2 * right_x)
    else:
        inter = 2 * ((min(px2, tx2) - left) * (min(py2, ty2) - top) - right_x * right_y)
    union = (px2 - px1) * (py2 - py1) + (tx2 - tx1) * (ty2 - ty1) - inter
    d = 1 - inter / union
    loss = d * d / (2 * smooth_point) if d < smooth_point else d - smooth_point / 2
    return loss if reference is None else loss * union / reference


@pytest.mark.parametrize("smooth_point", [0.1, 0.2])
def test_equals_the_naive_form_on_random_pairs(smooth_point: float) -> None:
    pred, target = boxes(1000, 0), boxes(1000, 1)
    near = close_boxes(200, 2)
    pred, target = torch.cat([pred, near[0]]), torch.cat([target, near[1]])
    areas = (target[:, 2:] - target[:, :2]).prod(1)
    priors = torch.linspace(1, 50, len(pred), dtype=torch.float64)
    for options, reference in (
        ({}, [None] * len(pred)),
        ({"sot": "target"}, areas.tolist()),
        ({"sot": "prior", "prior_area": priors}, priors.tolist()),
    ):
        loss = eiou_loss(pred, target, smooth_point, **options)
        expected = [
            naive_loss(p, t, smooth_point, r)
            for p, t, r in zip(pred, target, reference, strict=True)
        ]
        torch.testing.assert_close(
            loss, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9
        )


@pytest.mark.parametrize("sot", [None, "target", "prior"])
@pytest.mark.parametrize("mirror_symmetric", [False, True])
@pytest.mark.parametrize("smooth_point", [0.1, 1.0])
def test_the_fused_loss_is_the_definition_in_value_and_gradient(
    sot: str | None, mirror_symmetric: bool, smooth_point: float
) -> None:
    """Also where boxes are inverted or share coordinates, as boxes clipped to the image do."""
    pred, target = boxes(1000, 3), boxes(1000, 4)
    near = close_boxes(200, 5)
    pred, target = torch.cat([pred, near[0]]), torch.cat([target, near[1]])
    pred[:600:7, 0], pred[:600:5, 3] = target[:600:7, 0], target[:600:5, 3]
    pred[:600:11] = target[:600:11]
    pred[600::13] = pred[600::13][:, [2, 1, 0, 3]]
    pred.requires_grad_()
    target.requires_grad_()
    options = {"smooth_point": smooth_point, "sot": sot, "mirror_symmetric": mirror_symmetric}
    if sot == "prior":
        options["prior_area"] = torch.linspace(0, 50, len(pred), dtype=torch.float64)
    outcomes = []
    for function in (eiou_loss, eiou_loss_definition):
        loss = function(pred, target, **options)
        outcomes.append((loss, *torch.autograd.grad(loss.sum(), (pred, target))))
    for fused, expected in zip(*outcomes, strict=True):
        torch.testing.assert_close(fused, expected, rtol=1e-9, atol=1e-12)


# On both sides of every kink: the knee, touching and apart on either axis, all orders of corners.
PAIRS = {
    "inside the knee": (0.2, 0.1, 9.9, 4.1),
    "outside the knee": (1.0, 0.5, 9.0, 4.5),
    "contained": (2.0, 1.0, 8.0, 3.0),
    "containing": (-2.0, -1.0, 12.0, 5.0),
    "just overlapping in x": (9.99, 1.0, 15.0, 6.0),
    "just apart in x": (10.01, 1.0, 15.0, 6.0),
    "apart in x, above": (12.0, -3.0, 15.0, 2.0),
    "apart in x to the left": (-9.0, 1.0, -2.0, 5.0),
    "just overlapping in y": (2.0, 3.99, 7.0, 9.0),
    "just apart in y": (2.0, 4.01, 7.0, 9.0),
    "apart in both": (13.0, 6.0, 20.0, 9.0),
    "apart in both, above left": (-13.0, -6.0, -2.0, -1.0),
    "inverted": (6.0, 1.0, 3.0, 3.0),
    "inverted on both axes": (6.0, 3.0, 3.0, 1.0),
    "inverted, its first corner near the target's": (1.0, 0.5, -4.0, -3.0),
}


@pytest.mark.parametrize("options", [{}, {"mirror_symmetric": True}], ids=["plain", "mirror"])
@pytest.mark.parametrize("pred", PAIRS.values(), ids=PAIRS.keys())
def test_gradcheck(pred: tuple, options: dict) -> None:
    target = torch.tensor([[0.0, 0.0, 10.0, 4.0]], dtype=torch.float64, requires_grad=True)
    box = torch.tensor([pred], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p, t: eiou_loss(p, t, **options), (box, target))


@pytest.mark.parametrize("pred", PAIRS.values(), ids=PAIRS.keys())
def test_sot_scales_loss_and_gradient_by_the_detached_union(pred: tuple) -> None:
    """And cancels the 1 / U: outside the knee A * grad = EIoU * grad U - grad I."""
    target = torch.tensor([[0.0, 0.0, 10.0, 4.0]], dtype=torch.float64)
    box = torch.tensor([pred], dtype=torch.float64, requires_grad=True)
    inter, union = intersection_and_union(box, target)
    plain, with_sot = eiou_loss(box, target), eiou_loss(box, target, sot="target")
    torch.testing.assert_close(with_sot, plain * union / 40, rtol=1e-9, atol=0)
    (of_plain,) = torch.autograd.grad(plain, box)
    (of_sot,) = torch.autograd.grad(with_sot, box)
    torch.testing.assert_close(of_sot, of_plain * float(union.detach()) / 40, rtol=1e-9, atol=1e-15)
    eiou = float((inter / union).detach())
    if 1 - eiou > 0.1:
        (expected,) = torch.autograd.grad((eiou * union - inter) / 40, box)
        torch.testing.assert_close(of_sot, expected, rtol=1e-6, atol=1e-12)


def test_prior_areas_are_for_sot_by_prior_alone() -> None:
    pred, target = boxes(20, 10), boxes(20, 11)
    areas = torch.full((20,), 100.0)
    for sot in (None, "target"):
        torch.testing.assert_close(
            eiou_loss(pred, target, sot=sot, prior_area=areas), eiou_loss(pred, target, sot=sot)
        )


def test_reference_without_area_leaves_the_loss_as_it_is() -> None:
    pred, target = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 1, 1, 2]])
    for function in (eiou_loss, eiou_loss_definition):
        torch.testing.assert_close(function(pred, target, sot="target"), function(pred, target))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sot": "union"}, r"sot must be None or one of \('target', 'prior'\), got 'union'"),
        ({"sot": "prior"}, "sot='prior' needs prior_area.*sot='target'"),
        ({"sot": "prior", "prior_area": torch.ones(1)}, r"shape \(2,\).*\(1,\)"),
    ],
)
def test_wrong_sot(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        eiou_loss(torch.zeros(2, 4), torch.zeros(2, 4), **options)


EXTREMES = {
    "two points in one place": ((1, 1, 1, 1), (1, 1, 1, 1)),
    "two points": ((1, 1, 1, 1), (4, 5, 4, 5)),
    "line in a box": ((1, 0, 1, 2), (0, 0, 2, 2)),
    "inverted": ((3, 3, 1, 1), (0, 0, 2, 2)),
    "inverted on one axis": ((3, 0, 1, 1), (0, 0, 2, 2)),
    "target without area": ((0, 0, 1e4, 1e4), (0, 0, 0, 0)),
    "huge": ((-1e15, -1e15, 1e15, 1e15), (0, 0, 1, 1)),
    "tiny": ((0, 0, 1e-6, 1e-6), (0, 0, 1e-6, 2e-6)),
    "far": ((1e15, 1e15, 1.1e15, 1.1e15), (0, 0, 1, 1)),
}


@pytest.mark.parametrize("sot", [None, "target"])
@pytest.mark.parametrize(("pred", "target"), EXTREMES.values(), ids=EXTREMES.keys())
def test_extremes_stay_finite(pred: tuple, target: tuple, sot: str | None) -> None:
    box = torch.tensor([pred], dtype=torch.float32, requires_grad=True)
    loss = eiou_loss(box, torch.tensor([target], dtype=torch.float32), sot=sot)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert box.grad is not None
    assert box.grad.isfinite().all()


def test_two_boxes_without_area_in_one_place() -> None:
    point = torch.ones(1, 4, requires_grad=True)
    loss = eiou_loss(point, torch.ones(1, 4))
    loss.sum().backward()
    assert float(loss) == pytest.approx(0.95)
    assert point.grad is not None
    assert point.grad.abs().max() == 0


def test_an_inverted_box_is_turned_right() -> None:
    """Descent brings the edges of an inverted box past each other."""
    box = torch.tensor([[6.0, 1.0, 3.0, 3.0]], requires_grad=True)
    target = torch.tensor([[0.0, 0.0, 10.0, 4.0]])
    for _ in range(300):
        (grad,) = torch.autograd.grad(eiou_loss(box, target).sum(), box)
        box = (box - 2 * grad).detach().requires_grad_()
    assert float(extended_iou(box, target)) > 0.8


def test_no_boxes() -> None:
    pred = torch.zeros(0, 4, requires_grad=True)
    loss = eiou_loss(pred, torch.zeros(0, 4), sot="target")
    assert loss.shape == (0,)
    loss.sum().backward()
    assert pred.grad is not None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    pred = torch.tensor([[0.0, 0.0, 320.0, 640.0]], dtype=dtype, requires_grad=True)
    target = torch.tensor([[0.0, 0.0, 640.0, 640.0]], dtype=dtype)
    loss = eiou_loss(pred, target, sot="target")
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(0.45)
    loss.sum().backward()
    assert pred.grad is not None
    assert pred.grad.dtype == dtype
    assert pred.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("sot", [None, "target", "prior"])
def test_tiny_targets_stay_finite_in_half_precision(dtype: torch.dtype, sot: str | None) -> None:
    """Areas of 1 to 1e-8 pixels, square and long, at three places; loss and both gradients."""
    pairs = []
    for exponent, ratio, at in product(range(9), (1, 10, 100), (0.0, 0.5, 10.0)):
        width, height = (10**-exponent * ratio) ** 0.5, (10**-exponent / ratio) ** 0.5
        target = (at, at, at + width, at + height)
        pairs += [
            (pred, target)
            for pred in (
                (at, at, at + 1.05 * width, at + height),
                (at + width, at, at + 2 * width, at + height),
                (at, at + height, at + width, at + 2 * height),
                (at + 3, at + 4, at + 5, at + 7),
                (at + width / 2, at + height / 2) * 2,
                (0, 0, 640, 640),
                (500, 500, 640, 640),
            )
        ]
    pred, target = torch.tensor(pairs, dtype=dtype).unbind(1)
    pred.requires_grad_()
    target.requires_grad_()
    area = (target[:, 2:] - target[:, :2]).detach().prod(dim=1)
    loss = eiou_loss(pred, target, sot=sot, prior_area=area)
    loss.sum().backward()
    for values in (loss, pred.grad, target.grad):
        assert values.isfinite().all()
    # What does not fit saturates; the rest is the gradient of the definition.
    exact = [box.detach().float().requires_grad_() for box in (pred, target)]
    eiou_loss_definition(
        *exact, sot=sot, prior_area=area.float() if sot == "prior" else None
    ).sum().backward()
    expected = exact[0].grad.clamp(-torch.finfo(dtype).max, torch.finfo(dtype).max)
    largest = expected.abs().amax(dim=1, keepdim=True).clamp(min=1e-4)
    assert ((pred.grad - expected).abs() < 0.03 * largest).all()  # float32 in another order


def test_batched_boxes() -> None:
    pred, target = boxes(12, 6).view(3, 4, 4), boxes(12, 7).view(3, 4, 4)
    torch.testing.assert_close(
        eiou_loss(pred, target), eiou_loss(pred.view(12, 4), target.view(12, 4)).view(3, 4)
    )


@pytest.mark.parametrize("options", [{}, {"sot": "target"}, {"mirror_symmetric": True}])
def test_compiles_as_one_graph(options: dict) -> None:
    """The compiler's own back end needs a C++ compiler; what it is given is tested without."""
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda p, t: eiou_loss(p, t, **options), fullgraph=True, backend="aot_eager"
    )
    pred, target = boxes(50, 8).requires_grad_(), boxes(50, 9).requires_grad_()
    losses = compiled(pred, target), eiou_loss(pred, target, **options)
    outcomes = [(loss, *torch.autograd.grad(loss.sum(), (pred, target))) for loss in losses]
    for one, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one, other)
