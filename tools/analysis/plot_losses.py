"""Draw what the box losses do: the figures of docs/method.md.

python tools/analysis/plot_losses.py [--out docs/images] [--pairs 20000]

- loss_path.png: value and gradient while a box comes from afar onto its target;
- loss_field.png: where the loss pulls a box, for the centre of the box anywhere around the target;
- loss_descent.png and a printed table: gradient descent on encoded boxes, without any network.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import torch
from torch import Tensor
from tqdm import tqdm

import mmeiou  # noqa: F401  isort: skip - before MMDetection, which may need its op stand-ins
from mmdet.models import losses as mmdet_losses
from mmdet.models.task_modules.coders import DeltaXYWHBBoxCoder
from mmdet.structures.bbox import bbox_cxcywh_to_xyxy

from mmeiou.functional.boxes import box_iou
from mmeiou.functional.eiou_loss import eiou_loss
from mmeiou.functional.extended_iou import extended_iou

mpl.use("Agg")
import matplotlib.pyplot as plt  # after the choice of a back end without a screen

# (pred, target, prior areas) to losses, all (n, ...)
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def _mmdet(loss: torch.nn.Module) -> Loss:
    return lambda pred, target, _: loss(pred, target, reduction_override="none")


OTHERS: dict[str, Loss] = {
    "IoU": _mmdet(mmdet_losses.IoULoss(mode="linear")),
    "GIoU": _mmdet(mmdet_losses.GIoULoss()),
    "DIoU": _mmdet(mmdet_losses.DIoULoss()),
    "CIoU": _mmdet(mmdet_losses.CIoULoss()),
}
OURS: dict[str, Loss] = {
    "EIoU, no CT": lambda pred, target, _: 1 - extended_iou(pred, target),
    "EIoU, CT 0.1": lambda pred, target, _: eiou_loss(pred, target, 0.1),
    "EIoU, CT 0.2": lambda pred, target, _: eiou_loss(pred, target, 0.2),
}
STEADY: dict[str, Loss] = {
    "EIoU, CT 0.1, SOT by target": lambda pred, target, _: eiou_loss(pred, target, 0.1, "target"),
    "EIoU, CT 0.1, SOT by prior": lambda pred, target, area: eiou_loss(
        pred, target, 0.1, "prior", area
    ),
}


def plot_path(out: Path) -> None:
    """Value and gradient as a box of 4 x 2 moves from a distance onto its equal."""
    target = torch.tensor([[0.0, 0.0, 4.0, 2.0]], dtype=torch.float64)
    figure, axes = plt.subplots(2, 2, figsize=(11, 7), sharex="col")
    directions = {"along x": (1.0, 0.0), "along the diagonal": (1.0, 0.5)}
    for column, (title, direction) in enumerate(directions.items()):
        shift = torch.linspace(9, 0, 901, dtype=torch.float64)
        for name, loss in (OTHERS | OURS).items():
            moved = shift.clone().requires_grad_()
            step = torch.tensor([*direction, *direction], dtype=torch.float64)
            boxes = target + moved[:, None] * step
            values = loss(boxes, target.expand_as(boxes), torch.full_like(moved, 8))
            (gradient,) = torch.autograd.grad(values.sum(), moved)
            style = {
                "linestyle": "-" if name in OURS else "--",
                "linewidth": 1.5 if name in OURS else 2,
                "zorder": 2 if name in OURS else 3,
                "label": name,
            }
            axes[0, column].plot(shift, values.detach(), **style)
            axes[1, column].plot(shift, gradient, **style)
        for row, label in enumerate(("loss", "derivative by the shift")):
            axes[row, column].axvline(4, color="0.8", zorder=0)
            axes[row, column].set_ylabel(label)
        axes[0, column].set_title(f"4 x 2 box, {title}; grey: touching")
        axes[1, column].set_xlabel("shift in x (apart to equal)")
        axes[1, column].invert_xaxis()
        axes[1, column].set_ylim(-0.05, 0.75)
    axes[0, 0].legend(fontsize=8)
    _save(figure, out / "loss_path.png")


def plot_field(out: Path) -> None:
    """Directions of descent of a 3 x 3 box around a 4 x 2 target; redder arrows pull harder."""
    target = torch.tensor([0.0, 0.0, 4.0, 2.0], dtype=torch.float64)
    fields: dict[str, Loss] = {
        "IoU": OTHERS["IoU"],
        "GIoU": OTHERS["GIoU"],
        "EIoU (the authors' form)": OURS["EIoU, CT 0.1"],
        "EIoU, mirror-symmetric": lambda pred, target, _: eiou_loss(
            pred, target, mirror_symmetric=True
        ),
    }
    figure, axes = plt.subplots(2, 2, figsize=(11, 9), sharex=True, sharey=True)
    xs, ys = torch.linspace(-8, 12, 33), torch.linspace(-8, 10, 29)
    for axis, (name, loss) in zip(axes.flat, fields.items(), strict=True):
        grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=-1).double().view(-1, 2)
        centre = grid.clone().requires_grad_()
        boxes = torch.cat([centre - 1.5, centre + 1.5], dim=1)
        values = loss(boxes, target.expand_as(boxes), torch.full((len(boxes),), 8.0).double())
        (gradient,) = torch.autograd.grad(values.sum(), centre)
        axis.contourf(xs, ys, values.detach().view(len(ys), len(xs)), levels=20, cmap="Blues")
        length = gradient.norm(dim=1, keepdim=True)
        pulled = length.squeeze(1) > 0
        axis.quiver(
            *grid[pulled].T,
            *(-gradient / length)[pulled].T,
            length[pulled],
            angles="xy",
            cmap="autumn_r",
            norm="log",
            clim=(0.01, 1),
            scale=38,
            width=0.003,
        )
        axis.add_patch(plt.Rectangle((0, 0), 4, 2, fill=False, color="crimson", linewidth=2))
        axis.set_title(f"{name}")
        axis.set_aspect("equal")
    axes[0, 0].invert_yaxis()  # shared; images have y downwards
    _save(figure, out / "loss_field.png")


def prior_target_pairs(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Priors of 7 scales and 7 aspect ratios within a distance of 3 of targets of unit area.

    Follows the simulation of Zheng et al., "Distance-IoU Loss" (AAAI 2020).

    Returns:
        Priors and targets, ``(count, 4)`` boxes x1 y1 x2 y2.
    """
    scales = torch.tensor([0.5, 0.67, 0.75, 1, 1.33, 1.5, 2])
    ratios = torch.tensor([1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4])

    def pick(values: Tensor) -> Tensor:
        return values[torch.randint(len(values), (count,), generator=generator)]

    def boxes(centre: Tensor, area: Tensor, ratio: Tensor) -> Tensor:
        size = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1)
        return bbox_cxcywh_to_xyxy(torch.cat([centre, size], dim=1))

    angle = torch.rand(count, generator=generator) * 2 * torch.pi
    radius = torch.rand(count, generator=generator).sqrt() * 3
    centre = 10 + radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    targets = boxes(torch.full((count, 2), 10.0), torch.ones(count), pick(ratios))
    return boxes(centre, pick(scales), pick(ratios)), targets


def descend(loss: Loss, priors: Tensor, targets: Tensor, step: float) -> list[float]:
    """Mean IoU after each of 200 steps on the offsets of the boxes to their priors.

    Offsets are MMDetection's (dx, dy, dw, dh) in units of the prior; the last 40 steps are a tenth.
    """
    coder = DeltaXYWHBBoxCoder()
    areas = (priors[:, 2:] - priors[:, :2]).prod(dim=1)
    offsets = torch.zeros_like(priors)
    curve = []
    for index in range(200):
        offsets.requires_grad_()
        decoded = coder.decode(priors, offsets)
        (gradient,) = torch.autograd.grad(loss(decoded, targets, areas).sum(), offsets)
        curve.append(float(box_iou(decoded.detach(), targets).mean()))
        rate = step if index < 160 else step / 10  # noqa: PLR2004
        offsets = (offsets - rate * gradient).detach()
    return curve


def plot_descent(out: Path, pairs: int) -> None:
    """Curves of :func:`descend` for each loss and three step sizes, and the final means."""
    steps = (0.03, 0.1, 0.3)
    priors, targets = prior_target_pairs(pairs, torch.Generator().manual_seed(0))
    losses = OTHERS | {k: v for k, v in OURS.items() if "no CT" not in k} | STEADY
    figure, axes = plt.subplots(1, len(steps), figsize=(14, 4.5), sharey=True)
    table = {}
    for name, loss in tqdm(losses.items(), desc="descent", unit="loss"):
        curves = [descend(loss, priors, targets, step) for step in steps]
        table[name] = [curve[-1] for curve in curves]
        for axis, step, curve in zip(axes, steps, curves, strict=True):
            axis.plot(curve, label=name, linestyle="--" if name in OTHERS else "-")
            axis.set_title(f"step {step}")
            axis.set_xlabel("iteration")
    axes[0].set_ylabel(f"mean IoU of {pairs} boxes")
    axes[0].legend(fontsize=8)
    _save(figure, out / "loss_descent.png")
    print(f"| mean IoU after 200 steps, {pairs} pairs | " + " | ".join(map(str, steps)) + " |")
    print("|---|" + "---:|" * len(steps))
    for name, finals in table.items():
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in finals) + " |")


def _save(figure: plt.Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)
    print(path)


def main() -> None:
    """Draw all figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--pairs", type=int, default=20_000, help="of the descent")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    plot_path(args.out)
    plot_field(args.out)
    plot_descent(args.out, args.pairs)


if __name__ == "__main__":
    main()
