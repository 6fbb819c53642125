"""tools/benchmark/scale_model.py: each part measures what it says, small."""

import importlib
from pathlib import Path

import pytest
from mmengine.dataset import pseudo_collate
from tiny_faces import write_tiny_faces

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("lmdb")
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "benchmark"))
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "dataset_converters"))
    return importlib.import_module("scale_model")


def test_gradients_are_exchanged_by_processes(tool) -> None:
    assert tool.exchange_cost(1, 10) == 0
    assert 0 < tool.exchange_cost(2, 1000) < 1


def test_yunets_gradients_are_counted(tool) -> None:
    assert tool.parameters() == 75856  # of the authors' model


def test_batches_are_taken_and_images_read(tool, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tool, "BATCHES", (2, 3))
    monkeypatch.setattr(tool, "MEASURED", 2)
    root = write_tiny_faces(tmp_path)
    lines = tool.loader_tables(root)
    assert [line.split(" | ")[0] for line in lines if line[2:3].isalpha()] == [
        "| a worker reads",
        "| files",
        "| LMDB",
        "| a batch is taken from a worker, ms",
        "| pseudo_collate",
        "| compact_collate",
    ]
    assert tool.receiving_cost(tool.dataset(root), 2, pseudo_collate) > 0


def test_gpus_follow_from_the_formula(tool) -> None:
    link = tool.Link("", 4, 1e-3, 1e6)
    # 2 x 3 hops of 1 ms, and of a quarter of 4,000 bytes at 1 MB/s, 1 ms each
    assert tool.ring(link, 1000) == pytest.approx(0.012)
    *_, one, eight, many = tool.gpu_table(1000, 50, 0.01, 75856)
    assert one == "| 1 | 0.00 | 0.0% | 1,000 | 10 | 258 |"
    # 14 x (10 us + 37,928 B at 100 GB/s) = 0.145 ms beside 50 ms
    assert eight.startswith("| 8 | 0.15 | 0.3% | 7,977 | 80 |")
    assert many.startswith("| 64 |")
