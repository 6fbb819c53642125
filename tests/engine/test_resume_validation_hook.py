from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.drawing_run import differences, drawing_runner
from helpers.tiny_run import TinyMetric

PLAIN = {"exact_resume": {"type": "mmeiou.ExactResumeHook"}}
BY_EPOCH = {"interval": 1, "by_epoch": True, "save_best": "tiny/AP", "rule": "greater"}


class Killed(BaseException):
    pass


@pytest.fixture
def validations(monkeypatch) -> list[int]:
    """Metrics rise with each validation; the number of samples of each that was finished."""
    done: list[int] = []

    def compute(_self, results):
        done.append(len(results))
        return {"AP": float(len(done))}

    monkeypatch.setattr(TinyMetric, "compute_metrics", compute)
    return done


def killed_in_validation(monkeypatch, folder, number: int, saving=None, **options) -> None:
    """Train until the given validation, which ends after a batch."""
    seen = []

    def process(self, *_args):
        seen.append(0)
        self.results.append(0)
        if len(seen) == 2 * number:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(TinyMetric, "process", process)
        runner = drawing_runner(folder, **(saving or {"checkpoint": BY_EPOCH}), **options)
        with pytest.raises(Killed):
            runner.train()


@pytest.mark.parametrize("number", [2, 4])
def test_a_validation_cut_short_is_repeated_best_included(
    tmp_path, monkeypatch, validations, number
) -> None:
    killed_in_validation(monkeypatch, tmp_path, number)
    assert len(validations) == number - 1
    runner = drawing_runner(tmp_path, checkpoint=BY_EPOCH, resume=True)
    runner.train()
    assert len(validations) == 4
    assert runner.message_hub.get_info("best_score") == 4.0
    assert [path.name for path in tmp_path.glob("best_*")] == ["best_tiny_AP_epoch_4.pth"]


def test_without_the_hook_it_is_lost(tmp_path, monkeypatch, validations) -> None:
    killed_in_validation(monkeypatch, tmp_path, 4, hooks=PLAIN)
    drawing_runner(tmp_path, checkpoint=BY_EPOCH, hooks=PLAIN, resume=True).train()
    assert len(validations) == 3


def test_what_the_checkpoint_knows_to_be_validated_is_not_repeated(tmp_path, validations) -> None:
    drawing_runner(tmp_path, checkpoint=BY_EPOCH).train()
    drawing_runner(tmp_path, checkpoint=BY_EPOCH, resume=True).train()
    assert len(validations) == 4


def test_inside_an_epoch_none_is_due(tmp_path, validations) -> None:
    drawing_runner(tmp_path, 2).train()
    del validations[:]
    resumed = tmp_path / "resumed"
    drawing_runner(resumed, 2, resume=True, load_from=str(tmp_path / "iter_6.pth")).train()
    assert len(validations) == 1
    assert differences(tmp_path / "iter_10.pth", resumed / "iter_10.pth") == []


def contents(folder: Path) -> dict[str, Any]:
    """What the checkpoints of a run say of it, and which one is the last."""
    found: dict[str, Any] = {"last": Path((folder / "last_checkpoint").read_text()).name}
    for path in folder.glob("*.pth"):
        saved = torch.load(path, weights_only=False)
        info = saved["message_hub"]["runtime_info"]
        place = {key: saved["meta"][key] for key in ("epoch", "iter")}
        found[path.name] = place | {
            key: value for key, value in info.items() if "ckpt" in key or "best" in key
        }
        found[path.name]["validated"] = info.get("validated_iter")
    return found


@pytest.mark.parametrize(("number", "keep"), [(2, -1), (4, 1)])
def test_all_files_are_those_of_the_uninterrupted_run(
    tmp_path, monkeypatch, validations, number, keep
) -> None:
    saving = {"checkpoint": {**BY_EPOCH, "max_keep_ckpts": keep}}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    drawing_runner(whole, **saving).train()
    del validations[:]
    killed_in_validation(monkeypatch, killed, number, saving)
    drawing_runner(killed, resume=True, **saving).train()
    expected = contents(whole)
    assert expected["epoch_4.pth"]["best_ckpt"] == "best_tiny_AP_epoch_4.pth"
    assert expected["epoch_4.pth"]["best_score"] == 4.0
    assert contents(killed) == expected
    for name in expected.keys() - {"last"}:
        assert differences(whole / name, killed / name) == []
