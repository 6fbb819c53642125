import logging
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from torch import nn

from mmeiou.engine import WarmUpHook

WARM_UP = {"type": "LinearLR", "start_factor": 0.01, "by_epoch": False, "begin": 0, "end": 50}
DECAY = {**WARM_UP, "start_factor": 1.0, "end_factor": 0.1}
EPOCHS = {**WARM_UP, "by_epoch": True, "end": 8}
STEPS = {"type": "MultiStepLR", "milestones": [4], "by_epoch": False}


def warnings(
    max_iters: int, scheduler: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> list[str]:
    sgd = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1)
    built = PARAM_SCHEDULERS.build(
        dict(scheduler), default_args={"optimizer": OptimWrapper(sgd), "epoch_length": 4}
    )
    logger = logging.getLogger("warm_up")
    runner = SimpleNamespace(
        param_schedulers=[built], max_iters=max_iters, max_epochs=max_iters // 4, logger=logger
    )
    WarmUpHook().before_train(runner)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("scheduler", "said"),
    [
        (WARM_UP, "has 32 iterations, and the warm-up takes 50"),
        (EPOCHS, "has 8 epochs, and the warm-up takes 8"),
    ],
)
def test_says_that_the_training_ends_within_the_warm_up(
    scheduler: Mapping[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    (warning,) = warnings(32, scheduler, caplog)
    assert said in warning


@pytest.mark.parametrize(
    ("max_iters", "scheduler"), [(52, WARM_UP), (36, EPOCHS), (32, DECAY), (32, STEPS)]
)
def test_says_nothing_else(
    max_iters: int, scheduler: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings(max_iters, scheduler, caplog) == []


def test_leaves_schedules_of_several_optimizers_alone() -> None:
    WarmUpHook().before_train(SimpleNamespace(param_schedulers={"generator": []}))
