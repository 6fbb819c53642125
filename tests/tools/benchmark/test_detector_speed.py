"""tools/benchmark/detector_speed.py: the clients see the same pictures and find as many faces."""

import importlib
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.tiny_model import write_tiny_model


@pytest.mark.parametrize("empty", [False, True])
def test_every_client_is_timed(repo: Path, tmp_path: Path, monkeypatch, capsys, empty) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.syspath_prepend(str(repo / "tools/benchmark"))
    tool = importlib.import_module("detector_speed")
    monkeypatch.setattr(tool, "FRAME", (96, 64))
    tiny = write_tiny_model(repo, tmp_path, "")
    (tmp_path / "pictures").mkdir()
    chance = np.random.default_rng(0)
    for number in range(0 if empty else 3):
        picture = chance.integers(0, 256, (64, 90, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / f"pictures/{number}.png"), picture)
    files = ("--config", tiny.config, "--checkpoint", tiny.checkpoint, "--onnx", tiny.dynamic)
    options = ("--number", 2, "--rounds", 1)
    argv = ["detector_speed.py", tmp_path / "pictures", *files, *options]
    monkeypatch.setattr(sys, "argv", list(map(str, argv)))
    if empty:
        with pytest.raises(SystemExit):
            tool.main()
        assert f"{tmp_path}/pictures: no pictures" in capsys.readouterr().err
        return
    tool.main()
    out = capsys.readouterr().out
    assert "2 pictures" in out
    rows = [line.split("|")[1:-1] for line in out.splitlines()[4:]]
    faces: dict[str, list[str]] = {}
    for _client, source, rate, _, found in (map(str.strip, row) for row in rows):
        assert float(rate) > 0
        faces.setdefault(source, []).append(found)
    assert set(faces) == {"folder", "video"}
    for found in faces.values():
        ours, ours_onnx, ours_torch, opencv, alone = found
        assert ours == ours_onnx == ours_torch
        assert int(opencv) > 0
        assert not alone
