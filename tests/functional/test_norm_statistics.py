import pytest
import torch
from torch import nn

from mmeiou.functional.norm_statistics import set_norm_statistics


def network() -> nn.Sequential:
    """Two norms, one behind the other, that change what comes in."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5)
    )
    for norm in (model[1], model[4]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return model.eval()


@torch.no_grad()
def test_evaluation_stays_and_training_starts_from_it() -> None:
    """With the inputs as one batch, training computes what evaluation does: to the unbiased var."""
    model, x = network(), torch.rand(6, 3, 9, 7) * 255
    before = model(x)
    set_norm_statistics(model, [x[:2], x[2:3], x[3:]])  # of several sizes
    torch.testing.assert_close(model(x), before, atol=1e-4, rtol=1e-4)
    seen = model[:1](x)
    torch.testing.assert_close(model[1].running_mean, seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
    var = seen.var((0, 2, 3), correction=0)
    torch.testing.assert_close(model[1].running_var, var, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model.train()(x), before, atol=1e-3, rtol=1e-3)


def test_a_channel_that_never_changes() -> None:
    model = nn.Sequential(nn.BatchNorm2d(1)).eval()
    x = torch.full((1, 1, 4, 4), 7.0)
    set_norm_statistics(model, [x])
    with torch.no_grad():
        torch.testing.assert_close(model(x), 7 * torch.ones_like(x), atol=1e-3, rtol=0)
    assert model[0].running_var.item() == 0


def test_no_batches() -> None:
    with pytest.raises(ValueError, match="no batches"):
        set_norm_statistics(network(), [])
