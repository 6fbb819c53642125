"""tools/analysis/short_names.py: what tells files apart, and no more."""

from pathlib import Path

import pytest


@pytest.fixture
def short_names(import_tool):
    return import_tool("short_names").short_names


def test_as_few_parts_as_tell_apart(short_names, tmp_path: Path) -> None:
    runs = [tmp_path / "a" / "work", tmp_path / "b" / "work", tmp_path / "c" / "other"]
    assert short_names(runs) == ["a/work", "b/work", "c/other"]
    assert short_names(runs[1:]) == ["work", "other"]
    assert short_names([tmp_path / "b/../a/work"]) == ["work"]
    assert short_names([]) == []


def test_a_link_has_its_own_name(short_names, tmp_path: Path) -> None:
    (tmp_path / "best.pth").symlink_to(tmp_path / "0123abcd")
    assert short_names([tmp_path / "best.pth"]) == ["best.pth"]


def test_one_given_twice_is_named(short_names, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="work is given twice"):
        short_names([tmp_path / "work", tmp_path / "a", tmp_path / "a" / ".." / "work"])


def test_models_are_named_by_their_weights_or_by_both(import_tool, tmp_path: Path) -> None:
    model_names = import_tool("short_names").model_names
    one, other = str(tmp_path / "1/best.pth"), str(tmp_path / "2/best.pth")
    assert model_names([("n.py", one), ("yunet.onnx", None)]) == ["best.pth", "yunet.onnx"]
    assert model_names([("n.py", one), ("n.py", other)]) == ["1/best.pth", "2/best.pth"]
    names = model_names([("n.py", one), ("s.py", one), ("n.py", other)])
    assert len(set(names)) == 3
    assert names[1].startswith("s.py/")
    with pytest.raises(ValueError, match="twice"):
        model_names([("n.py", one), ("n.py", one)])
