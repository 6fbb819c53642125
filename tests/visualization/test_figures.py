"""Figures appear whole, and what keeps them from it is said."""

import builtins
from pathlib import Path

import cv2
import pytest

from mmeiou.visualization.figures import figure


def test_size_and_format(tmp_path: Path) -> None:
    for name in ("new/plot.png", "plot.jpg"):
        with figure(tmp_path / name, 4, 2) as drawn:
            drawn.add_subplot().plot([0, 1])
        assert cv2.imread(str(tmp_path / name)).shape == (220, 440, 3)
    with figure(tmp_path / "plot.svg", 4, 2) as drawn:
        drawn.add_subplot()
    assert "<svg" in (tmp_path / "plot.svg").read_text()


def test_an_error_leaves_the_earlier_picture(tmp_path: Path) -> None:
    file = tmp_path / "plot.png"
    file.write_text("earlier")
    with pytest.raises(ZeroDivisionError), figure(file, 4, 2):
        raise ZeroDivisionError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["earlier"]


def test_what_cannot_be_written_is_refused_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"plot\.xyz: the suffix must be .*png"):
        figure(tmp_path / "plot.xyz", 4, 2).__enter__()
    real = builtins.__import__

    def without_matplotlib(name, *args):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=r"mmeiou\[sample\]"):
        figure(tmp_path / "plot.png", 4, 2).__enter__()
