"""The benchmark of data pipelines, and that all of its ways make the same samples."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tiny_faces import write_tiny_faces


@pytest.fixture(scope="module")
def tool(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/benchmark"))
        import data  # noqa: PLC0415

        return data


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny faces; one region of each image is to be ignored once ``min_face_size`` is 5."""
    root = write_tiny_faces(tmp_path_factory.mktemp("faces"))
    labels = root / "labelv2/train/labelv2.txt"
    lines = labels.read_text().splitlines()
    labels.write_text("".join(f"{x}\n" if x[0] == "#" else f"{x}\n50 2 54 40\n" for x in lines))
    return root


def assert_same(batch: dict, other: dict) -> None:
    assert torch.equal(batch["inputs"], other["inputs"])
    for sample, same in zip(batch["data_samples"], other["data_samples"], strict=True):
        for name in ("gt_instances", "ignored_instances"):
            ours, theirs = getattr(sample, name), getattr(same, name)
            assert set(ours.keys()) == set(theirs.keys()) == {"bboxes", "labels", "keypoints"}
            assert torch.equal(ours.labels, theirs.labels)
            torch.testing.assert_close(ours.bboxes, theirs.bboxes, rtol=1e-6, atol=1e-4)
            torch.testing.assert_close(ours.keypoints, theirs.keypoints, rtol=1e-6, atol=1e-3)
        assert sample.metainfo == same.metainfo


def ways_of(tool: ModuleType, root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    config = tool.Config.fromfile(tool.CONFIG)
    config.train_dataloader.dataset.min_face_size = 5
    monkeypatch.setattr(tool.Config, "fromfile", lambda _: config)
    return tool.build_ways(root, cache)


def compare(ways: dict, indices: list[int]) -> None:
    ignored = faces = 0
    for seed in range(4):
        batches = {name: way.batch(indices, seed)[1] for name, way in ways.items()}
        for name in ("ours, cached", "straightforward, uint8"):
            assert_same(batches["ours"], batches[name])
        # OpenCV interpolates bytes with rounded weights
        floats = batches["straightforward, float32"]["inputs"]
        assert (floats - batches["ours"]["inputs"]).abs().max() <= 1.01
        samples = batches["ours"]["data_samples"]
        ignored += sum(len(sample.ignored_instances) for sample in samples)
        faces += sum(len(sample.gt_instances) for sample in samples)
        assert len({sample.flip for sample in samples}) == 2
    assert ignored > 0
    assert faces > 0


def test_all_ways_make_the_same_samples(
    tool: ModuleType, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(ways_of(tool, tiny, tmp_path / "cache", monkeypatch), list(range(8)))
    assert len(list((tmp_path / "cache").glob("*.pixels"))) == 8


def test_on_real_crowds(
    tool: ModuleType, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shared_data / "widerface"
    ways = ways_of(tool, root, tmp_path / "cache", monkeypatch)
    compare(ways, np.arange(0, 484, 61).tolist())


def test_table(
    tool: ModuleType,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "data.md"
    options = [str(tiny), "--seconds", "0", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["data.py", *options])
    tool.main()
    printed = capsys.readouterr().out
    assert out.read_text() == printed
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()[2:]]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["ms per image"][2:] == ["ours", "ours, cached"]
    assert cells["times as fast as straightforward, uint8"][1] == "1.00"
    summed = sum(float(cells[stage][2]) for stage in tool.STAGES)
    assert summed == pytest.approx(float(cells["all"][2]), abs=0.05)


def test_medians_and_ratios(tool: ModuleType) -> None:
    """Three rounds; the second has a disturbance that both ways share."""
    spent = {
        name: [dict.fromkeys(tool.STAGES, each * load) for load in (1, 5, 1)]
        for name, each in (("a", 1.0), ("b", 2.0), ("c", 0.5))
    }
    lines = tool.table(spent)
    assert "| all | 8.00 | 16.00 | 4.00 |" in lines
    assert "| share of decode | 12% | 12% | 12% |" in lines
    assert "| images per second | 125 | 62 | 250 |" in lines
    assert "| times as fast as a | 1.00 | 0.50 | 2.00 |" in lines
    assert "| times as fast as b | 2.00 | 1.00 | 4.00 |" in lines
