"""Which checkpoint a run resumes from."""

import shutil
from pathlib import Path

import pytest
from helpers.tiny_run import make_runner
from mmengine.runner import CheckpointLoader

from mmeiou.compat.archive import CheckpointError
from mmeiou.compat.newest_checkpoint import newest_to_resume

HOOKS = {
    "checkpoint": {
        "type": "mmeiou.CheckpointHook",
        "interval": 1,
        "save_best": "tiny/AP",
        "rule": "greater",
    }
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    # twelve: sorted by name, epoch_10 would come before epoch_2
    make_runner(folder, epochs=10, default_hooks=HOOKS, custom_hooks=None).train()
    return folder


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "work"))


def flip(path: Path, position: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 1
    path.write_bytes(content)


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def test_the_last_of_the_folder_itself_though_it_was_copied(folder) -> None:
    assert not (folder / "last_checkpoint").read_text().startswith(str(folder))
    assert newest_to_resume(folder) == folder / "epoch_10.pth"


@pytest.mark.parametrize("damage", [flip, halve, empty, Path.unlink])
def test_of_damaged_ones_the_newest_whole_and_loudly(folder, damage, capsys) -> None:
    damage(folder / "epoch_10.pth")
    flip(folder / "epoch_9.pth", 0.4)
    runner = make_runner(folder, epochs=9, default_hooks=HOOKS, custom_hooks=None, resume=True)
    runner.train()
    assert (runner.epoch, runner.iter) == (9, 18)
    said = capsys.readouterr()
    assert f"RESUMING FROM {folder}/epoch_8.pth" in said.out + said.err
    assert "epoch_10.pth is damaged or gone" in said.out + said.err


@pytest.mark.parametrize("damage", [empty, Path.unlink])
def test_without_its_name_the_newest_is_found(folder, damage) -> None:
    damage(folder / "last_checkpoint")
    assert newest_to_resume(folder) == folder / "epoch_10.pth"


def test_nothing_whole_is_an_error_and_nothing_at_all_is_a_start(folder, tmp_path) -> None:
    for path in folder.glob("epoch_*.pth"):
        flip(path)
    with pytest.raises(
        CheckpointError, match=r"holds no whole checkpoint to resume from: .*epoch_10"
    ):
        make_runner(folder, epochs=13, resume=True).train()
    (folder / "last_checkpoint").unlink()
    with pytest.raises(CheckpointError, match=r"to resume from\. To start anew"):
        newest_to_resume(folder)
    assert newest_to_resume(tmp_path / "new") is None


def test_a_damaged_file_that_was_asked_for_is_an_error_that_names_a_whole_one(folder) -> None:
    flip(folder / "epoch_10.pth")
    with pytest.raises(
        CheckpointError,
        match=r"epoch_10\.pth is damaged: its checksum.*newest whole.*epoch_9\.pth",
    ):
        make_runner(folder, 13, resume=True, load_from=str(folder / "epoch_10.pth")).train()
    (folder / "alone").mkdir()
    lonely = shutil.copy(folder / "epoch_10.pth", folder / "alone")
    with pytest.raises(CheckpointError, match=r"does not fit$"):
        CheckpointLoader.load_checkpoint(lonely)
