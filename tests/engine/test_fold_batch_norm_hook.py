from pathlib import Path
from types import SimpleNamespace

import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.registry import init_default_scope
from torch import nn

from mmeiou.engine import FoldBatchNormHook
from mmeiou.registry import MODELS


def net() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    nn.init.normal_(model[1].running_mean)
    nn.init.uniform_(model[1].running_var, 0.5, 2)
    return model


def test_the_copy_has_no_batch_norm_and_the_model_keeps_its_own() -> None:
    model = net()
    runner, hook, image = SimpleNamespace(model=model), FoldBatchNormHook(), torch.rand(1, 3, 5, 5)
    expected = model.eval()(image)
    hook.before_val_epoch(runner)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in runner.model.modules())
    torch.testing.assert_close(runner.model.eval()(image), expected)
    hook.after_val_epoch(runner)
    assert runner.model is model
    torch.testing.assert_close(model(image), expected, rtol=0, atol=0)


def test_it_stands_between_exchanged_weights_and_the_saving_of_the_best() -> None:
    # Hooks of a lower number come first.
    priorities = {"NORMAL": 50, "LOW": 70, "VERY_LOW": 90}
    order = [priorities[hook.priority] for hook in (EMAHook, FoldBatchNormHook, CheckpointHook)]
    assert order == sorted(set(order))


def test_yunet_predicts_the_same_and_every_config_of_it_folds(repo: Path) -> None:
    for path in sorted((repo / "configs/yunet").glob("*widerface*.py")):
        cfg = Config.fromfile(path)
        assert cfg.default_hooks.fold_batch_norm.type == "mmeiou.FoldBatchNormHook", path
    cfg = Config.fromfile(repo / "configs/yunet/yunet-n_2xb16-640e_widerface.py")
    init_default_scope("mmdet")
    model = MODELS.build(cfg.model)
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
    runner, image = SimpleNamespace(model=model.eval()), torch.rand(1, 3, 64, 64) * 255
    with torch.no_grad():
        expected = model(image)
        FoldBatchNormHook().before_test_epoch(runner)
        folded = runner.model(image)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in runner.model.modules())
    torch.testing.assert_close(folded, expected, rtol=1e-4, atol=1e-4)
