import pytest
from helpers.drawing_run import HOOKS, NUM, differences, drawing_runner, train
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import SequentialSampler

ITERS = 20  # four epochs of five
FORMS = {
    "epochs": {},
    "accumulated": {"accumulate": 4},
    "iterations": {"train_cfg": {"by_epoch": False, "max_iters": ITERS, "val_interval": 5}},
    "endless": {
        "train_cfg": {"by_epoch": False, "max_iters": ITERS, "val_interval": 5},
        "sampler": "InfiniteSampler",
        "accumulate": 4,
    },
    "no seed": {"randomness": {"seed": None}},
    "seed of each process": {"randomness": {"seed": 3, "diff_rank_seed": True}},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path, form) -> None:
    whole = tmp_path / "whole"
    train(drawing_runner(whole, **FORMS[form]))
    # in an epoch, two gradients of four accumulated
    folder, checkpoint = tmp_path / "resumed", str(whole / "iter_6.pth")
    train(drawing_runner(folder, workers=2, resume=True, load_from=checkpoint, **FORMS[form]))
    for one in ("iter_12.pth", f"iter_{ITERS}.pth"):
        assert differences(whole / one, folder / one) == []


@pytest.mark.parametrize("missing", ["hook", "enable"])
def test_without_the_hook_it_does_not(tmp_path, missing) -> None:
    hooks = dict(HOOKS)
    if missing == "hook":
        del hooks["exact_resume"]
    else:
        hooks["exact_resume"] = {**hooks["exact_resume"], "enable": False}
    whole, folder = tmp_path / "whole", tmp_path / "resumed"
    drawing_runner(whole, hooks=hooks).train()
    drawing_runner(folder, hooks=hooks, resume=True, load_from=str(whole / "iter_12.pth")).train()
    assert differences(whole / "iter_20.pth", folder / "iter_20.pth")


def test_other_batches_than_before_begin_the_epoch_anew(tmp_path) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "resumed"
    drawing_runner(whole).train()
    runner = drawing_runner(folder, resume=True, load_from=str(whole / "iter_6.pth"))
    runner._train_dataloader["batch_size"] = 2
    sizes = []
    hook = next(one for one in runner.hooks if type(one).__name__ == "ExactResumeHook")
    hook.after_train_epoch = lambda runner: sizes.append(runner.iter)
    runner.train()
    # ten batches of two; the step in progress is not counted yet
    assert [one - 6 for one in sizes] == [NUM // 2, NUM, 3 * NUM // 2]


def test_a_sampler_that_cannot_be_set_is_said_and_trained(tmp_path, capsys) -> None:
    @DATA_SAMPLERS.register_module(force=True)
    class Plain(SequentialSampler):
        def __init__(self, dataset, **_options):
            super().__init__(dataset)

    drawing_runner(tmp_path / "run", 1, sampler="Plain").train()
    assert "will not be exact: the loader of DrawingDataset" in "".join(capsys.readouterr())
