from types import SimpleNamespace

import pytest
from torch import nn

from mmeiou.engine import CheckpointGuardHook


def runner(model: nn.Module) -> SimpleNamespace:
    return SimpleNamespace(model=model)


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


def test_ignored_keys_keep_their_initial_values() -> None:
    model, given = net(), {"state_dict": dict(net(8).state_dict())}
    CheckpointGuardHook(ignore=["^0", "^1.weight"]).after_load_checkpoint(runner(model), given)
    assert set(given["state_dict"]) == {"1.bias"}
    with pytest.raises(ValueError, match=r"1\.weight"):
        CheckpointGuardHook(ignore=["^0"]).after_load_checkpoint(
            runner(model), {"state_dict": net(8).state_dict()}
        )
