"""Going on with another run than the one that was saved."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from helpers.tiny_run import make_runner
from mmengine.runner import CheckpointLoader

GUARD = {"default_hooks": {"guard": {"type": "mmeiou.CheckpointGuardHook"}}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    make_runner(folder, epochs=3).train()
    return folder


@pytest.fixture
def resume(trained, tmp_path):
    folder = Path(shutil.copytree(trained, tmp_path / "work"))

    def call(epochs: int = 4, **options) -> None:
        make_runner(folder, epochs, resume=True, **GUARD, **options).train()

    return call


def test_the_same_run_goes_on(resume) -> None:
    resume()


def test_a_finished_run_is_no_error(resume) -> None:
    resume(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 2}, "trained for 3 epochs, this run's train_cfg has 2"),
        (
            {"train_cfg": {"by_epoch": False, "max_iters": 20}},
            "of 3 epochs of a training by epochs, this run's is iteration-based",
        ),
        (
            {"optim_wrapper": {"optimizer": {"type": "Adam", "lr": 0.1}}},
            "of the optimizer SGD, this run's is Adam",
        ),
        (
            {
                "optim_wrapper": {
                    "optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9},
                    "paramwise_cfg": {"custom_keys": {"layers.0": {"lr_mult": 0.1}}},
                }
            },
            "has 6 parameters in 1 groups, this run's 6 in 6",
        ),
        (
            {"param_scheduler": [{"type": "MultiStepLR", "milestones": [1]}]},
            "of other schedules: .*; this run's are MultiStepLR",
        ),
    ],
)
def test_another_run_is_named(resume, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        resume(**options)


def test_of_an_earlier_checkpoint_the_options_tell_the_optimizer(trained, tmp_path) -> None:
    """Of MMEngine's own hook, which does not write its name."""
    content = CheckpointLoader.load_checkpoint(str(trained / "epoch_3.pth"))
    del content["meta"]["optimizer"]
    torch.save(content, tmp_path / "old.pth")
    adam = {"optimizer": {"type": "Adam", "lr": 0.1}}
    message = "options have dampening, .*momentum, nesterov, this run's amsgrad, betas"
    for wrapper, problem in (({}, None), ({"optim_wrapper": adam}, message)):
        expected = pytest.raises(ValueError, match=problem) if problem else nullcontext()
        runner = make_runner(
            tmp_path / "work",
            4,
            resume=True,
            load_from=str(tmp_path / "old.pth"),
            **GUARD,
            **wrapper,
        )
        with expected:
            runner.train()


def test_an_iteration_based_one_by_epochs_and_fewer_steps(tmp_path) -> None:
    by_steps = {"by_epoch": False, "max_iters": 3}
    options = {"param_scheduler": None, "custom_hooks": None}
    hooks = {"checkpoint": {"type": "mmeiou.CheckpointHook", "by_epoch": False}}
    make_runner(
        tmp_path,
        1,
        train_cfg=by_steps,
        default_hooks=hooks,
        val_dataloader=None,
        val_cfg=None,
        val_evaluator=None,
        **options,
    ).train()
    with pytest.raises(ValueError, match="of 3 steps of an iteration-based training"):
        make_runner(tmp_path, 9, resume=True, **GUARD, **options).train()
    with pytest.raises(ValueError, match="trained for 3 steps, this run's train_cfg has 2"):
        make_runner(
            tmp_path, 2, resume=True, train_cfg={**by_steps, "max_iters": 2}, **GUARD, **options
        ).train()


def test_what_of_the_config_has_no_effect_is_said(resume, capsys) -> None:
    schedules = [
        {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "end": 3},
        {"type": "MultiStepLR", "milestones": [3]},
        {"type": "OneCycleLR", "total_steps": 20, "eta_max": 0.1, "by_epoch": False},
        {"type": "ReduceOnPlateauLR", "monitor": "tiny/AP", "rule": "greater"},
    ]
    resume(param_scheduler=schedules)
    said = capsys.readouterr()
    assert (
        "MultiStepLR: milestones is Counter({3: 1}) here and Counter({1: 1}) in the checkpoint"
        in (said.out + said.err)
    )


def test_weights_alone_are_not_resumed(resume, tmp_path) -> None:
    path = tmp_path / "w.pth"
    torch.save(make_runner(tmp_path / "x", 1).model.state_dict(), path)
    with pytest.raises(ValueError, match="no state of a training to resume"):
        resume(load_from=str(path), custom_hooks=None)
