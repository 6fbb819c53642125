from pathlib import Path

import pytest

from mmeiou.config_files import find_config

NAME = "yunet-n_2xb16-640e_widerface.py"


def test_a_path_stays_and_a_name_is_found(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(NAME) == repo / "configs/yunet" / NAME
    (tmp_path / NAME).touch()
    assert find_config(NAME) == Path(NAME)
    assert find_config(str(tmp_path / NAME)) == tmp_path / NAME


def test_what_is_not_there_is_named_with_what_is_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}/yunet-n_2xb16_wider.py\); .*{NAME}"):
        find_config("yunet-n_2xb16_wider.py")
    # Another folder is a mistake, not a name.
    with pytest.raises(FileNotFoundError, match=f"wrong/{NAME}"):
        find_config(f"wrong/{NAME}")
    with pytest.raises(
        FileNotFoundError, match=r"config not found: nothing\.alike \(.*nothing\.alike\)$"
    ):
        find_config("nothing.alike")


def test_names_are_unique(repo: Path) -> None:
    names = [path.name for path in repo.glob("configs/[!_]*/*.py")]
    assert len(set(names)) == len(names) >= 40
