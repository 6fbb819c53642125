"""Whether box losses and their gradients are the CPU's."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
from box_losses import CONTENDERS
from losses import random_boxes
from torch import Tensor, nn

from gpu_sections.report import Report, Setting
from mmeiou.functional.eiou_loss import eiou_loss, eiou_loss_definition
from mmeiou.registry import MODELS

Loss = Callable[[Tensor, Tensor], Tensor]  # some are modules
# Equal, empty, inverted, touching, nested, apart, tiny and large boxes: every pair of these.
ODD = [
    [0, 0, 0, 0],
    [10, 10, 10, 30],
    [10, 10, 30, 10],
    [10, 10, 30, 30],
    [30, 10, 50, 30],
    [12, 12, 20, 20],
    [30, 30, 10, 10],
    [500, 500, 501, 502],
    [10, 10, 10.001, 10.001],
    [0, 0, 2000, 2000],
]
BOUNDS = {torch.float64: 1e-9, torch.float32: 1e-4}


def pairs(count: int) -> tuple[Tensor, Tensor]:
    """Random pairs ``(n, 4)``, and all of the odd boxes, in float64."""
    generator = torch.Generator().manual_seed(0)
    odd = torch.tensor(ODD, dtype=torch.float64)
    one, other = odd.repeat(len(ODD), 1), odd.repeat_interleave(len(ODD), 0)
    boxes = [random_boxes(count, generator).double() for _ in range(2)]
    return torch.cat([boxes[0], one]), torch.cat([boxes[1], other])


def in_type(loss: Loss, dtype: torch.dtype) -> Loss:
    """The loss anew; what it remembers of earlier boxes is in ``dtype``."""
    return deepcopy(loss).to(dtype) if isinstance(loss, nn.Module) else loss


def all_losses(device: str) -> dict[str, Loss]:
    """Of mmeiou, each per box: those of a config, and EIoU with every option, in both forms."""
    losses: dict[str, Loss] = {}
    for name, contender in CONTENDERS.items():
        if contender.config["type"].startswith("mmeiou.") and not contender.by_prior:
            losses[name] = MODELS.build({**contender.config, "reduction": "none"}).to(device)
    for form, function in (("fused", eiou_loss), ("plain", eiou_loss_definition)):
        for s in (0.1, 1.0):
            losses[f"EIoU {form}, s={s}"] = partial(function, smooth_point=s)
        losses[f"EIoU {form}, mirror-symmetric"] = partial(function, mirror_symmetric=True)
        losses[f"EIoU {form}, SOT by target"] = partial(function, sot="target")
        losses[f"EIoU {form}, SOT by prior"] = partial(_by_prior, function)
    return losses


def _by_prior(function: Callable[..., Tensor], pred: Tensor, target: Tensor) -> Tensor:
    area = torch.linspace(16, 4096, len(pred), device=pred.device, dtype=torch.float64)
    wide = torch.promote_types(pred.dtype, torch.float32)
    return function(pred, target, sot="prior", prior_area=area.to(wide))


def with_gradient(loss: Loss, pred: Tensor, target: Tensor, device: str) -> tuple[Tensor, Tensor]:
    """Loss ``(n,)`` and its gradient ``(n, 4)`` with respect to ``pred``, back on the CPU."""
    leaf = pred.detach().to(device, copy=True).requires_grad_()
    values = loss(leaf, target.to(device))
    torch.autograd.backward(values.sum())
    assert leaf.grad is not None
    return values.detach().cpu(), leaf.grad.cpu()


def difference(ours: Tensor, reference: Tensor, least: float) -> float:
    """Largest difference of rows, relative to the row, or to ``least`` if it is smaller."""
    ours, reference = (rows.double().view(len(rows), -1) for rows in (ours, reference))
    scale = reference.abs().amax(1).clamp(min=least)
    apart = (ours - reference).abs().amax(1) / scale
    return float(apart.nan_to_num(nan=torch.inf).max())


def compare(setting: Setting, report: Report) -> None:
    """Each loss in float64 and float32 with the CPU's; in half precision that it is finite."""
    pred, target = pairs(setting.pick(100_000, 1000))
    add = report.table(
        "largest relative difference from the CPU",
        "loss, float64",
        "gradient, float64",
        "loss, float32",
        "gradient, float32",
        "not finite",
    )
    worst = dict.fromkeys(BOUNDS, 0.0)
    broken = 0
    there, here = all_losses(setting.device), all_losses("cpu")
    for name, loss in there.items():
        with report.trying(name):
            row: list[float] = []
            bad = 0
            for dtype in BOUNDS:
                boxes = pred.to(dtype), target.to(dtype)
                theirs = with_gradient(in_type(loss, dtype), *boxes, setting.device)
                same = with_gradient(in_type(here[name], dtype), *boxes, "cpu")
                bad += sum(int((~tensor.isfinite()).sum()) for tensor in theirs)
                found = [
                    difference(a, b, m) for a, b, m in zip(theirs, same, (1, 1e-3), strict=True)
                ]
                worst[dtype] = max(worst[dtype], *found)
                row += found
            # The plain form is the formula to be read; it has no way for half precision.
            for dtype in () if "plain" in name else (torch.float16, torch.bfloat16):
                half = with_gradient(loss, pred.to(dtype), target.to(dtype), setting.device)
                bad += sum(int((~tensor.isfinite()).sum()) for tensor in half)
            add(name, *row, bad)
            broken += bad
    for dtype, bound in BOUNDS.items():
        report.check(f"losses and gradients, {str(dtype)[6:]}", worst[dtype], bound)
    report.check("numbers that are not finite, half precision included", broken, 0)
