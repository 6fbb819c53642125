"""Nothing in a file of weights, predictions or a model is run. More of them: `try_payload`."""

import pickle
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from helpers.tiny_run import TinyModel, make_runner
from mmengine.config import Config
from reliability.payloads import _callables, _texts, try_payload


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(15))
def test_no_payload_runs(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    outcome = try_payload(seed, tmp_path)
    assert outcome.survived, outcome.what


def test_the_payloads_would_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing is shown by their not running."""
    monkeypatch.syspath_prepend(tmp_path)
    mark = tmp_path / "ran"
    (tmp_path / "ran_module.py").write_text(f"open({str(mark)!r}, 'w').close()\n")
    for payload in _callables(mark):
        with suppress(Exception):  # of what it returns
            pickle.loads(pickle.dumps(payload))  # noqa: S301
        assert mark.exists(), payload.call
        mark.rmdir() if mark.is_dir() else mark.unlink()
    Config.fromstring(_texts(mark)[0], ".py")
    assert mark.exists()


def test_an_old_checkpoint_with_a_config_resumes_without_it(tmp_path: Path) -> None:
    """MMDetection 2 kept one; to count GPUs, MMEngine would run it."""
    make_runner(tmp_path, 1).train()
    path = tmp_path / "epoch_1.pth"
    content = torch.load(path, weights_only=False)
    content["meta"]["config"] = f"open({str(tmp_path / 'ran')!r}, 'w').close()"
    torch.save(content, path)
    runner = make_runner(tmp_path, 2, resume=True)
    runner.train()
    assert runner.epoch == 2
    assert isinstance(runner.model, TinyModel)
    assert not (tmp_path / "ran").exists()
