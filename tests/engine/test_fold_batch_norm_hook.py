import pickle
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.registry import init_default_scope
from torch import nn

from mmeiou.engine import FoldBatchNormHook
from mmeiou.engine.fold_batch_norm_hook import WORTH
from mmeiou.models import onnx_network
from mmeiou.models.onnx_network import OnnxNetwork
from mmeiou.registry import MODELS

CONFIG = "configs/yunet/yunet-n_2xb16-640e_widerface.py"


def net() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    nn.init.normal_(model[1].running_mean)
    nn.init.uniform_(model[1].running_var, 0.5, 2)
    return model


def runner_of(model: nn.Module, images: int = 1) -> SimpleNamespace:
    loader = SimpleNamespace(dataset=range(images))
    return SimpleNamespace(model=model, val_dataloader=loader, test_dataloader=loader)


def test_the_copy_has_no_batch_norm_and_the_model_keeps_its_own() -> None:
    model = net()
    runner, hook, image = runner_of(model), FoldBatchNormHook(), torch.rand(1, 3, 5, 5)
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


def test_every_config_of_yunet_folds(repo: Path) -> None:
    for path in sorted((repo / "configs/yunet").glob("*widerface*.py")):
        cfg = Config.fromfile(path)
        assert cfg.default_hooks.fold_batch_norm.type == "mmeiou.FoldBatchNormHook", path


@pytest.fixture(scope="module")
def yunet(repo: Path) -> Any:
    torch.manual_seed(0)
    init_default_scope("mmdet")
    model = MODELS.build(Config.fromfile(repo / CONFIG).model)
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model.eval()


@pytest.mark.parametrize("onnx_runtime", [False, True])
def test_yunet_predicts_the_same(yunet: Any, onnx_runtime: bool) -> None:
    if onnx_runtime:
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    runner = runner_of(yunet, WORTH)
    # Another size, and another number of images, than the traced one.
    images = torch.rand(2, 3, 64, 160, generator=torch.Generator().manual_seed(1)) * 255
    with torch.no_grad():
        expected = yunet(images)
        FoldBatchNormHook(onnx_runtime).before_test_epoch(runner)
        found = runner.model(images)
    assert isinstance(runner.model.extract_feat, OnnxNetwork) is onnx_runtime
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert any(isinstance(module, nn.BatchNorm2d) for module in yunet.modules())


class Wide(nn.Module):
    """What the tracer takes for a constant: the width of the picture."""

    axis = 3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * float(x.shape[self.axis])


class High(Wide):
    """Its height."""

    axis = 2


class Unknown(nn.Module):
    """What ONNX has no operator for."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.linalg.qr(x)[0]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (Wide, "not close"),
        (High, "not close"),
        (Unknown, "qr"),
        (nn.Module.half, "Half|dtype|type"),
    ],
)
def test_a_network_that_is_not_exported_as_it_is_stays_in_pytorch(
    yunet: Any, last: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    said = []
    monkeypatch.setattr(onnx_network, "print_log", lambda text, *_: said.append(text))
    model = deepcopy(yunet)
    if last is nn.Module.half:
        model.half()
    else:
        model.neck = ThenEach(model.neck, last())
    before = torch.get_num_threads(), torch.get_rng_state()
    assert not onnx_network.run_by_onnx_runtime(model)
    assert torch.get_num_threads() == before[0]
    assert torch.equal(before[1], torch.get_rng_state())
    assert re.search(f"runs in PyTorch.*({reason})", said[0], re.DOTALL)
    assert "extract_feat" not in vars(model)


class ThenEach(nn.Module):
    """A neck, and a layer on each of its maps."""

    def __init__(self, neck: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.neck, self.layer = neck, layer

    def forward(self, maps: Any) -> list[torch.Tensor]:
        return [self.layer(level) for level in self.neck(maps)]


def test_onnx_runtime_takes_over_where_it_is_worth_it(
    yunet: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(runner: SimpleNamespace, hook: FoldBatchNormHook) -> bool:
        hook.before_val_epoch(runner)
        detector = getattr(runner.model, "module", runner.model)
        return isinstance(vars(detector).get("extract_feat"), OnnxNetwork)

    for name in ("onnx", "onnxruntime"):
        with monkeypatch.context() as missing:
            missing.setitem(sys.modules, name, None)
            assert not taken(runner_of(yunet, WORTH), FoldBatchNormHook())
    pytest.importorskip("onnxruntime")
    assert taken(runner_of(yunet, WORTH), FoldBatchNormHook())
    assert not taken(runner_of(yunet, WORTH - 1), FoldBatchNormHook())
    assert not taken(runner_of(net(), WORTH), FoldBatchNormHook())
    tta = MODELS.build({"type": "mmeiou.YuNetTTA", "module": yunet})
    assert taken(runner_of(tta, WORTH), FoldBatchNormHook())
    assert "extract_feat" not in vars(yunet)


def test_an_evaluation_that_was_broken_off_leaves_nothing_behind(yunet: Any) -> None:
    runner, hook = runner_of(yunet, WORTH), FoldBatchNormHook()
    hook.before_val_epoch(runner)  # and an exception
    hook.before_val_epoch(runner)
    assert hook.original is yunet
    hook.after_val_epoch(runner)
    assert runner.model is yunet
    hook.after_val_epoch(runner)
    assert runner.model is yunet


def test_a_network_in_onnx_runtime_is_copied_and_says_what_it_cannot_take(yunet: Any) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model = deepcopy(yunet)
    assert onnx_network.run_by_onnx_runtime(model)
    copy = pickle.loads(pickle.dumps(deepcopy(model.extract_feat)))  # noqa: S301 - our own
    images = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(2)) * 255
    torch.testing.assert_close(copy(images), model.extract_feat(images), rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"images \(1, 3, 70, 90\): pad them to a multiple"):
        copy(torch.zeros(1, 3, 70, 90))


def test_networks_are_exported_in_several_threads(yunet: Any) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    models, threads = [deepcopy(yunet) for _ in range(3)], torch.get_num_threads()
    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(onnx_network.run_by_onnx_runtime, models))
    assert torch.get_num_threads() == threads
