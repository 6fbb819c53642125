"""Saving by MMEngine's runner, looked at in every moment of it."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from helpers.tiny_run import SAVING, TinyMetric, make_runner
from mmengine.hooks import CheckpointHook as PlainCheckpointHook
from mmengine.runner import CheckpointLoader

from mmeiou.compat.newest_checkpoint import is_whole, newest_to_resume
from mmeiou.engine import CheckpointHook


def hook(**options) -> dict:
    return {"checkpoint": {"type": "mmeiou.CheckpointHook", "interval": 1, **SAVING, **options}}


@pytest.fixture
def better(monkeypatch):
    """Every validation finds a better model, so that there is a new best one each time."""
    scores = iter(range(1, 100))
    monkeypatch.setattr(TinyMetric, "compute_metrics", lambda *_: {"AP": float(next(scores))})


@pytest.fixture
def moments(monkeypatch):
    """Calls a function before and after each change of a folder."""
    look = []

    def watched(function):
        def call(*args, **options):
            look and look[0]()
            result = function(*args, **options)
            look and look[0]()
            return result

        return call

    for name in ("replace", "remove", "unlink", "fsync"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    monkeypatch.setattr(Path, "unlink", watched(Path.unlink))
    monkeypatch.setattr(Path, "write_bytes", watched(Path.write_bytes))
    return look


@pytest.mark.usefixtures("better")
def test_at_every_moment_there_is_a_whole_checkpoint_and_a_best_one(tmp_path, moments) -> None:
    seen = []

    def look() -> None:
        names = {path.name for path in tmp_path.iterdir()}
        files = [path for path in tmp_path.iterdir() if path.suffix == ".pth"]
        assert all(is_whole(path) for path in files), names
        if seen:
            epochs = {name for name in names if name.startswith("epoch")}
            assert newest_to_resume(tmp_path).name in epochs
        # once there was a best one, there always is
        if any("best" in earlier for earlier in seen):
            assert any("best" in name for name in names)
        seen.append(" ".join(names)) if names & {"epoch_1.pth"} or seen else None

    moments.append(look)
    make_runner(tmp_path, epochs=3, default_hooks=hook(max_keep_ckpts=1)).train()
    moments.clear()
    assert len(set(seen)) > 6
    files = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {name for name in files if not name.endswith(".py")} == {
        "epoch_3.pth",
        "best_tiny_AP_epoch_3.pth",
        "last_checkpoint",
    }
    assert Path((tmp_path / "last_checkpoint").read_text()) == tmp_path / "epoch_3.pth"


@pytest.mark.usefixtures("better")
def test_the_plain_hook_would_not_pass(tmp_path, moments) -> None:
    """Of the same watching: with MMEngine's hook there is a moment without any checkpoint."""
    kept = []
    moments.append(lambda: kept.append(len(list(tmp_path.glob("epoch_*.pth")))))
    plain = {"checkpoint": {"type": "CheckpointHook", "interval": 1, **SAVING, "max_keep_ckpts": 1}}
    make_runner(tmp_path, epochs=2, default_hooks=plain).train()
    moments.clear()
    assert 0 in kept[kept.index(1) :]


def test_a_save_that_fails_deletes_nothing(tmp_path, monkeypatch) -> None:
    runner = make_runner(tmp_path, epochs=3, default_hooks=hook(max_keep_ckpts=1))
    replace = os.replace

    def full(source, target) -> None:
        if Path(target).name == "epoch_2.pth":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        runner.train()
    assert newest_to_resume(tmp_path) == tmp_path / "epoch_1.pth"
    assert not list(tmp_path.glob(".unfinished*"))


def test_what_a_killed_run_left_is_removed(tmp_path) -> None:
    for folder in (tmp_path, tmp_path / "elsewhere" / tmp_path.name):
        (folder / ".unfinished-epoch_1-abc").mkdir(parents=True)
        (folder / ".unfinished-epoch_1-abc" / "epoch_1.pth").write_bytes(b"half")
    out = hook(out_dir=str(tmp_path / "elsewhere"))
    make_runner(tmp_path, epochs=1, default_hooks=out).train()
    assert not list(tmp_path.rglob(".unfinished*"))
    last = tmp_path / "elsewhere" / tmp_path.name / "epoch_1.pth"
    assert Path((tmp_path / "last_checkpoint").read_text()) == last
    assert is_whole(last)


def test_a_best_one_that_a_killed_run_should_have_deleted_goes(tmp_path) -> None:
    make_runner(tmp_path, epochs=2, default_hooks=hook()).train()
    (best,) = tmp_path.glob("best_*.pth")
    former, own = best.with_name("best_tiny_AP_epoch_0.pth"), best.with_name("best_mine.pth")
    for path in (former, own):
        shutil.copy(best, path)
    make_runner(tmp_path, epochs=3, default_hooks=hook(), resume=True).train()
    assert not former.exists()
    assert own.exists()
    assert len(list(tmp_path.glob("best_tiny_AP_*.pth"))) == 1


@pytest.mark.usefixtures("better")
def test_a_fork_leaves_the_other_folder_alone(tmp_path) -> None:
    first, fork = tmp_path / "a", tmp_path / "b"
    make_runner(first, epochs=2, default_hooks=hook(max_keep_ckpts=2)).train()
    before = {path.name: path.read_bytes() for path in first.iterdir() if path.is_file()}
    make_runner(
        fork,
        epochs=4,
        default_hooks=hook(max_keep_ckpts=1),
        resume=True,
        load_from=str(first / "epoch_2.pth"),
    ).train()
    assert {path.name: path.read_bytes() for path in first.iterdir() if path.is_file()} == before
    assert (fork / "best_tiny_AP_epoch_4.pth").is_file()
    assert not (fork / "best_tiny_AP_epoch_3.pth").exists()


@pytest.mark.usefixtures("better")
@pytest.mark.parametrize("keys", [["tiny/AP"], ["tiny/AP", "tiny/AP50"]])
def test_a_moved_folder_is_complete(tmp_path, keys, monkeypatch) -> None:
    scores = iter(range(1, 9))
    monkeypatch.setattr(
        TinyMetric, "compute_metrics", lambda *_: dict.fromkeys(("AP", "AP50"), next(scores))
    )
    options = {"save_best": keys, "rule": "greater"}
    make_runner(tmp_path / "a", epochs=2, default_hooks=hook(**options)).train()
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "a", copy)
    shutil.rmtree(tmp_path / "a")
    runner = make_runner(copy, epochs=3, default_hooks=hook(**options), resume=True)
    runner.train()
    assert (runner.epoch, runner.iter) == (3, 6)
    best = sorted(path.name for path in copy.glob("best_*"))
    assert best == sorted(f"best_{key.replace('/', '_')}_epoch_3.pth" for key in keys)
    info = CheckpointLoader.load_checkpoint(str(copy / "epoch_3.pth"))["message_hub"]
    paths = {key: value for key, value in info["runtime_info"].items() if "ckpt" in key}
    assert {Path(value).name for value in paths.values()} == set(paths.values())
    assert len(paths) == 1 + len(keys)


@pytest.mark.parametrize("planted", ["{victim}", "..", "", 7])
def test_a_checkpoint_names_nothing_to_delete(tmp_path, planted) -> None:
    """``best_ckpt`` and ``keep_ckpt_ids`` of a checkpoint become names of what is deleted."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "x.pth").touch()
    make_runner(tmp_path / "a", epochs=1, default_hooks=hook()).train()
    path = tmp_path / "a" / "epoch_1.pth"
    content = CheckpointLoader.load_checkpoint(str(path))
    planted = planted.format(victim=victim) if isinstance(planted, str) else planted
    ids = ["/../../victim/x", "/../../victim/x", 1]
    content["message_hub"]["runtime_info"].update(
        best_ckpt=planted, best_score=-1.0, keep_ckpt_ids=ids, cfg="import evil"
    )
    content["message_hub"]["resumed_keys"].update(best_ckpt=True, keep_ckpt_ids=True, cfg=True)
    torch.save(content, path)
    work = tmp_path / "b"
    make_runner(
        work, 3, default_hooks=hook(max_keep_ckpts=1), resume=True, load_from=str(path)
    ).train()
    assert (victim / "x.pth").exists()
    assert path.exists()
    # nor does its config live on in what is saved
    saved = CheckpointLoader.load_checkpoint(str(work / "epoch_3.pth"))
    assert saved["message_hub"]["runtime_info"]["cfg"] == saved["meta"]["cfg"]


def test_it_is_mmengines_but_for_that() -> None:
    ours, plain = (
        kind(interval=3, save_best="x", rule="less")
        for kind in (CheckpointHook, PlainCheckpointHook)
    )
    assert vars(ours).keys() == vars(plain).keys()
    assert ours.priority == plain.priority
