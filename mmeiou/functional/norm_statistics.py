"""Batch norms that fit what comes in, in a network that computes the same."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


@torch.no_grad()
def set_norm_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the statistics of all batch norms by those of some inputs, and make up for it.

    For networks whose norms are folded: in evaluation they compute what they did, but in training a
    norm takes the statistics of its batch, so that one with others in mind would change everything
    in the first step. Scale and shift become such that evaluation stays as it is:
    ``weight = scale * sqrt(var + eps)``, ``bias = shift + scale * mean``.

    Args:
        model: With ``nn.BatchNorm2d`` that keep statistics; changed in place, left in evaluation.
        batches: Inputs of the model, ``(N, C, H, W)`` each.

    Raises:
        ValueError: If there are no batches.
    """
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm2d)]
    sums = {one: torch.zeros(2, one.num_features, dtype=torch.float64) for one in norms}
    counts = dict.fromkeys(norms, 0)

    def add(norm: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].detach().double()
        sums[norm] += torch.stack([values.sum((0, 2, 3)), values.square().sum((0, 2, 3))]).cpu()
        counts[norm] += values.numel() // norm.num_features

    hooks = [norm.register_forward_pre_hook(add) for norm in norms]
    model.eval()
    try:
        for batch in batches:
            model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    for norm in norms:
        if not counts[norm]:
            raise ValueError("no batches to take the statistics of the batch norms from")
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, square = sums[norm] / counts[norm]
        var = (square - mean.square()).clamp(min=0)
        old_mean, old_var, weight, bias = (
            one.detach().double().cpu()
            for one in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        )
        scale = weight / (old_var + norm.eps).sqrt()
        norm.weight.copy_(scale * (var + norm.eps).sqrt())
        norm.bias.copy_(bias + scale * (mean - old_mean))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
