from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from mmeiou.checkpoint_fit import require_fit
from mmeiou.config import read_config
from mmeiou.engine import CheckpointGuardHook


def runner(model: nn.Module) -> SimpleNamespace:
    return SimpleNamespace(model=model, _resume=False)


def net(width: int = 4, *, bias: bool = True) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.Linear(width, 2, bias=bias))


def test_a_fitting_checkpoint_passes_with_or_without_wrapping() -> None:
    hook, model = CheckpointGuardHook(), net()
    hook.after_load_checkpoint(runner(model), {"state_dict": model.state_dict()})
    hook.after_load_checkpoint(runner(model), dict(model.state_dict()))
    prefixed = {f"module.{key}": value for key, value in model.state_dict().items()}
    hook.after_load_checkpoint(runner(model), {"state_dict": prefixed})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (net(8), "3 of another shape: 0.weight, 0.bias, 1.weight"),
        (net(bias=False), "1 missing: 1.bias"),
        (nn.Sequential(*net(), nn.Linear(2, 2)), "2 unexpected: 2.weight, 2.bias"),
    ],
)
def test_another_architecture_is_refused(given: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CheckpointGuardHook().after_load_checkpoint(
            runner(net()), {"state_dict": given.state_dict()}
        )


def test_ignored_keys_need_not_fit_and_keep_their_initial_values() -> None:
    model, given = net(), {"state_dict": net(8).state_dict()}
    initial = {key: value.clone() for key, value in model.state_dict().items()}
    CheckpointGuardHook(ignore=["^0", "^1.weight"]).after_load_checkpoint(runner(model), given)
    load_state_dict(model, given["state_dict"])  # MMEngine's, after the hooks
    for key, value in model.state_dict().items():
        source = given["state_dict"] if key == "1.bias" else initial
        assert torch.equal(value, source[key]), key
    with pytest.raises(ValueError, match=r"1\.weight"):
        CheckpointGuardHook(ignore=["^0"]).after_load_checkpoint(
            runner(model), {"state_dict": net(8).state_dict()}
        )


def test_the_checkpoint_stays_as_it_is() -> None:
    given = {f"module.{key}": value for key, value in net(8).state_dict().items()}
    keys = list(given)
    CheckpointGuardHook(ignore=["."]).after_load_checkpoint(runner(net()), given)
    assert list(given) == keys


def test_other_content_is_named() -> None:
    with pytest.raises(ValueError, match="the checkpoint is a list, not a dict of weights"):
        CheckpointGuardHook().after_load_checkpoint(runner(net()), [torch.zeros(1)])


def test_of_many_keys_the_first_are_listed() -> None:
    many = {str(index): torch.zeros(1) for index in range(5)}
    with pytest.raises(ValueError, match=r"5 unexpected: 0, 1, 2 and 2 more"):
        require_fit(nn.Identity(), many)


def test_the_config_says_what_to_do_where_its_weights_are_missing(tmp_path: Path) -> None:
    hook = CheckpointGuardHook(if_missing="Set WEIGHTS.")
    there = tmp_path / "there.pth"
    there.touch()
    for source in (None, str(there), "https://somewhere/absent.pth"):
        hook.before_run(SimpleNamespace(cfg=Config({"load_from": source})))
    absent = SimpleNamespace(cfg=Config({"load_from": str(tmp_path / "absent.pth")}))
    with pytest.raises(FileNotFoundError, match=r"absent\.pth not found \(.*\)\. Set WEIGHTS\."):
        hook.before_run(absent)
    CheckpointGuardHook().before_run(absent)  # left to MMEngine


@pytest.mark.parametrize("name", ["n", "s"])
def test_fine_tuning_without_weights_names_their_variable(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By MMEngine's own order of hooks and loading."""
    monkeypatch.setenv("MMEIOU_WEIGHTS", str(tmp_path / "absent.pth"))
    cfg = read_config(f"yunet-{name}_finetune_1xb16-8e_own-faces.py")
    for part in ("train", "val"):
        for key in ("dataloader", "evaluator", "cfg"):
            cfg.pop(f"{part}_{key}", None)
    cfg.test_evaluator = []
    cfg.test_dataloader = {
        "batch_size": 1,
        "num_workers": 0,
        "dataset": list(range(2)),
        "sampler": {"type": "DefaultSampler"},
    }
    for key in ("optim_wrapper", "param_scheduler", "custom_hooks", "auto_scale_lr"):
        cfg.pop(key)
    cfg.work_dir = str(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"absent\.pth not found .*MMEIOU_WEIGHTS"):
        Runner.from_cfg(cfg).test()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    model, given = net(), net()
    given[1].bias.data[0] = value
    with pytest.raises(ValueError, match=r"not finite, in 1\.bias: "):
        require_fit(model, given.state_dict())
    with pytest.raises(ValueError, match=r"not finite, in 1\.bias: "):
        CheckpointGuardHook().after_load_checkpoint(
            runner(model), {"state_dict": given.state_dict()}
        )
    model[1].bias.data[0] = value  # as a mask's: meant so
    require_fit(model, given.state_dict())


@pytest.mark.parametrize("key", ["ema_state_dict", "optimizer"])
def test_what_a_training_would_go_on_with_is_looked_at(key: str) -> None:
    checkpoint = {"state_dict": net().state_dict(), key: {"a": [torch.tensor([torch.nan])]}}
    CheckpointGuardHook().after_load_checkpoint(runner(net()), checkpoint)
    with pytest.raises(ValueError, match=rf"not finite, in {key}\.a\.0: "):
        CheckpointGuardHook().after_load_checkpoint(
            SimpleNamespace(model=net(), _resume=True), checkpoint
        )
