from types import SimpleNamespace

import torch
from torch import nn

from mmeiou.engine import FreezeNormHook


def test_statistics_stay_and_weights_train() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).train()
    nn.init.constant_(model[1].running_mean, 3.0)
    FreezeNormHook().before_train_iter(SimpleNamespace(model=model), 0)
    model(torch.rand(4, 1, 3, 3)).sum().backward()
    assert model[1].running_mean.tolist() == [3.0, 3.0]
    assert model[1].num_batches_tracked == 0
    assert model[1].weight.grad is not None
    assert model.training
    assert model[0].training
