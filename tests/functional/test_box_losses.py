"""What holds for every box loss, and where one of them is an exception."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from helpers.boxes import random_boxes
from torch import Tensor

from mmeiou.functional.alpha_iou_loss import alpha_iou_loss
from mmeiou.functional.boxes import box_iou
from mmeiou.functional.efficient_iou_loss import efficient_iou_loss
from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.functional.focaler_iou_loss import focaler_iou_loss
from mmeiou.functional.inner_iou_loss import inner_iou_loss
from mmeiou.functional.mpdiou_loss import mpdiou_loss
from mmeiou.functional.nwd_loss import nwd_loss
from mmeiou.functional.piou_loss import piou_loss
from mmeiou.functional.shape_iou_loss import shape_iou_loss
from mmeiou.functional.wiou_loss import wiou_loss

Loss = Callable[[Tensor, Tensor], Tensor]


def with_options(loss: Callable[..., Tensor], *arguments: object, **options: object) -> Loss:
    return lambda pred, target: loss(pred, target, *arguments, **options)


LOSSES: dict[str, Loss] = {
    "EIoU": eiou_loss,
    "EIoU, SOT": with_options(eiou_loss, sot="target"),
    "Alpha": alpha_iou_loss,
    "Alpha-GIoU": with_options(alpha_iou_loss, 2.0, "giou"),
    "Alpha-CIoU": with_options(alpha_iou_loss, 3.0, "ciou"),
    "Efficient": efficient_iou_loss,
    "Focal-Efficient": with_options(efficient_iou_loss, 0.5),
    "WIoU v1": wiou_loss,
    "WIoU v3": lambda pred, target: wiou_loss(pred, target, torch.tensor(0.4)),
    "MPDIoU": with_options(mpdiou_loss, (40, 30)),
    "Inner-IoU": inner_iou_loss,
    "Inner-CIoU": with_options(inner_iou_loss, 1.2, "ciou"),
    "Focaler-IoU": focaler_iou_loss,
    "Focaler-GIoU": with_options(focaler_iou_loss, base="giou"),
    "Shape": shape_iou_loss,
    "Shape, scaled": with_options(shape_iou_loss, 1.5),
    "PIoU v1": with_options(piou_loss, "v1"),
    "PIoU v2": piou_loss,
    "PIoU v2, detached": with_options(piou_loss, detach_attention=True),
    "NWD": with_options(nwd_loss, 5.0),
}
# Their factor is detached: the value is not what the gradient descends.
DETACHED = {"EIoU, SOT", "Focal-Efficient", "WIoU v1", "WIoU v3", "PIoU v2, detached"}
DETACHED |= {"Alpha-CIoU", "Inner-CIoU"}
each_loss = pytest.mark.parametrize("name", LOSSES)


@each_loss
def test_equal_boxes_give_0(name: str) -> None:
    boxes = random_boxes(100, 0, 50, (0.1, 80))
    assert LOSSES[name](boxes, boxes.clone()).abs().max() < 1e-6


@each_loss
def test_equal_boxes_without_area(name: str) -> None:
    """They have no IoU, which a loss takes for 0; the distributions of NWD are equal."""
    lines = torch.tensor([[1.0, 2, 1, 5], [1, 2, 4, 2], [1, 2, 1, 2]], requires_grad=True)
    loss = LOSSES[name](lines, lines.detach().clone())
    loss.sum().backward()
    assert lines.grad.isfinite().all()
    if name == "NWD":
        assert loss.abs().max() == 0
    elif name == "Focal-Efficient":
        assert loss.abs().max() == 0  # its weight is that IoU
    else:
        assert (loss > 0.5).all()


@each_loss
def test_no_better_box_nearby(name: str) -> None:
    """Moving one edge of a perfect box costs something, or nothing where the loss is flat."""
    target = torch.tensor([[3.0, 5, 23, 15]])
    flat = {"Focaler-IoU", "Focaler-GIoU"}  # an IoU of 0.95 is enough for them
    for edge, step in product(range(4), (-0.3, 0.3)):
        moved = target.clone()
        moved[0, edge] += step
        loss = float(LOSSES[name](moved, target))
        assert loss > 0 or (name in flat and loss == 0)


KINKLESS = {
    "overlapping": (1.0, 0.5, 9.0, 4.6),
    "contained": (2.0, 1.0, 8.0, 3.1),
    "containing": (-2.0, -1.0, 12.0, 5.2),
    "apart in x": (12.0, 1.0, 15.0, 6.1),
    "apart in both": (-13.0, -6.0, -2.0, -1.2),
    "inverted": (6.0, 1.0, 3.0, 3.1),
    "inverted on both axes": (6.0, 3.0, 3.0, 1.1),
}


@each_loss
@pytest.mark.parametrize("box", KINKLESS.values(), ids=KINKLESS.keys())
def test_gradcheck(name: str, box: tuple) -> None:
    target = torch.tensor([[0.0, 0.0, 10.0, 4.0]], dtype=torch.float64)
    pred = torch.tensor([box], dtype=torch.float64, requires_grad=True)
    loss = LOSSES[name]
    if name in DETACHED:  # of those, the tests of their files
        (gradient,) = torch.autograd.grad(loss(pred, target).sum(), pred)
        assert gradient.isfinite().all()
    else:
        assert torch.autograd.gradcheck(lambda p: loss(p, target), (pred,))


EXTREMES = {
    "two points": ((1, 1, 1, 1), (4, 5, 4, 5)),
    "line in a box": ((1, 0, 1, 2), (0, 0, 2, 2)),
    "line across": ((0, 1, 4, 1), (2, 0, 2, 2)),
    "inverted": ((3, 3, 1, 1), (0, 0, 2, 2)),
    "inverted on one axis": ((3, 0, 1, 1), (0, 0, 2, 2)),
    "inverted against a point": ((300, 300, 1, 1), (7, 7, 7, 7)),
    "both inverted": ((3, 3, 1, 1), (4, 2, 2, 0)),
    "target without area": ((0, 0, 1e4, 1e4), (0, 0, 0, 0)),
    "image": ((0, 0, 640, 640), (0, 0, 320, 640)),
    "huge": ((-6e4, -6e4, 6e4, 6e4), (0, 0, 1, 1)),
    "far apart": ((6e4, 6e4, 6.1e4, 6.1e4), (-6e4, -6e4, -5.9e4, -6e4)),
    "tiny": ((0, 0, 1e-6, 1e-6), (0, 0, 1e-6, 2e-6)),
    "tiny and apart": ((1e-5, 0, 1.1e-5, 1e-6), (0, 0, 1e-6, 2e-6)),
    "tiny in a large one": ((0, 0, 1e-6, 1e-6), (0, 0, 640, 640)),
}
OF_FLOAT32 = {
    "huge": ((-1e15, -1e15, 1e15, 1e15), (0, 0, 1, 1)),
    "far apart": ((1e15, 1e15, 1.1e15, 1.1e15), (0, 0, 1, 1)),
    "tiniest": ((0, 0, 1e-20, 1e-20), (0, 0, 1e-20, 1e-20)),
}


@each_loss
@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str
)
def test_values_and_gradients_stay_finite(name: str, dtype: torch.dtype) -> None:
    pairs = list(EXTREMES.values())
    if dtype in {torch.float32, torch.float64}:
        pairs += OF_FLOAT32.values()
    pred, target = (
        box.clone().requires_grad_() for box in torch.tensor(pairs, dtype=dtype).unbind(1)
    )
    loss = LOSSES[name](pred, target)
    loss.sum().backward()
    assert loss.dtype == torch.promote_types(dtype, torch.float32)
    for values in (loss, pred.grad, target.grad):
        assert values.isfinite().all(), values
    assert pred.grad.dtype == dtype


@each_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    pred, target = (random_boxes(50, seed, 300, (5, 300)).to(dtype) for seed in (0, 1))
    exact = LOSSES[name](pred.float(), target.float())
    torch.testing.assert_close(LOSSES[name](pred, target), exact, rtol=0, atol=0)


@each_loss
def test_descent_brings_a_box_home(name: str) -> None:
    """With overlap at the start, which not all of them can do without."""
    target = torch.tensor([[10.0, 10, 26, 18]])
    box = torch.tensor([[12.0, 8, 24, 20]])
    first = LOSSES[name](box, target)
    for step in range(400):
        box.requires_grad_()
        (gradient,) = torch.autograd.grad(LOSSES[name](box, target).sum(), box)
        box = (box - (2.0 if step < 300 else 0.2) * gradient).detach()
    assert LOSSES[name](box, target) < first / 2
    assert float(box_iou(box, target)) > 0.9


@each_loss
def test_moving_both_boxes_changes_nothing(name: str) -> None:
    pred, target = (random_boxes(100, seed, 12, (0.5, 7), torch.float64) for seed in (0, 1))
    shift = torch.tensor([100.0, -30, 100, -30], dtype=torch.float64)
    torch.testing.assert_close(
        LOSSES[name](pred + shift, target + shift), LOSSES[name](pred, target)
    )


@each_loss
def test_scaling_both_boxes_changes_nothing_but_for_those_in_pixels(name: str) -> None:
    pred, target = (random_boxes(100, seed, 12, (0.5, 7), torch.float64) for seed in (0, 1))
    change = (LOSSES[name](8 * pred, 8 * target) - LOSSES[name](pred, target)).abs().max()
    assert (change > 0.01) == (name in {"MPDIoU", "NWD"})


@each_loss
def test_swapping_the_axes_changes_nothing(name: str) -> None:
    pred, target = (random_boxes(100, seed, 12, (0.5, 7), torch.float64) for seed in (0, 1))
    swapped = [1, 0, 3, 2]
    torch.testing.assert_close(
        LOSSES[name](pred[:, swapped], target[:, swapped]), LOSSES[name](pred, target)
    )


@each_loss
def test_batches_and_no_boxes(name: str) -> None:
    pred, target = random_boxes(12, 0, 12, (0.5, 7)), random_boxes(12, 1, 12, (0.5, 7))
    torch.testing.assert_close(
        LOSSES[name](pred.view(3, 4, 4), target.view(3, 4, 4)),
        LOSSES[name](pred, target).view(3, 4),
    )
    none = torch.zeros(0, 4, requires_grad=True)
    loss = LOSSES[name](none, torch.zeros(0, 4))
    assert loss.shape == (0,)
    loss.sum().backward()
    assert none.grad is not None


@each_loss
def test_shapes_must_match(name: str) -> None:
    with pytest.raises(ValueError, match=r"\(2, 4\).*\(1, 4\)"):
        LOSSES[name](torch.zeros(2, 4), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="boxes x1 y1 x2 y2"):
        LOSSES[name](torch.zeros(2, 5), torch.zeros(2, 5))


@pytest.mark.parametrize(
    "name",
    ["Alpha-CIoU", "Efficient", "WIoU v3", "Inner-IoU", "Focaler-GIoU", "Shape", "PIoU v2", "NWD"],
)
def test_compiles_as_one_graph(name: str) -> None:
    """The compiler's own back end needs a C++ compiler; what it is given is tested without."""
    torch._dynamo.reset()
    compiled = torch.compile(LOSSES[name], fullgraph=True, backend="aot_eager")
    pred, target = (random_boxes(20, seed, 12, (0.5, 7)).half() for seed in (0, 1))
    pred.requires_grad_()
    outcomes = []
    for function in (compiled, LOSSES[name]):
        loss = function(pred, target)
        outcomes.append((loss, *torch.autograd.grad(loss.sum(), pred)))
    for one, other in zip(*outcomes, strict=True):
        torch.testing.assert_close(one, other)
