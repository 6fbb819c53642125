"""The quick start: what it reads off a run, how it judges, and its steps on a tiny set."""

import math
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("skimage", reason="the sample faces come from scikit-image")

TARGET = {"min_ap": 0.9, "min_iou": 0.5}


@pytest.fixture(scope="module")
def quickstart(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools"))
        import quickstart  # noqa: PLC0415

        return quickstart


def test_iou_is_the_best_scored_boxs(quickstart: ModuleType) -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [50, 50, 60, 60]], np.float32)
    face = (0, 0, 10, 10)
    # Overlap 5 x 10 of union 150; then the box itself; then one beside it; then none at all.
    for scores, expected in (([0.2, 0.9, 0.1], 1 / 3), ([0.9, 0.2, 0.1], 1), ([0.1, 0.2, 0.3], 0)):
        found = quickstart.best_box_iou(boxes, np.array(scores, np.float32), face)
        assert found == pytest.approx(expected)
    assert quickstart.best_box_iou(boxes[:0], np.zeros(0, np.float32), face) == 0


def test_floors_are_judged_one_by_one(quickstart: ModuleType) -> None:
    assert quickstart.shortfalls(0.9, 0.5, TARGET) == []
    (ap,) = quickstart.shortfalls(0.89, 0.5, TARGET)
    assert ap.startswith("AP")
    assert "0.890, below 0.9" in ap
    (iou,) = quickstart.shortfalls(0.95, 0.49, TARGET)
    assert iou.startswith("IoU")
    assert len(quickstart.shortfalls(math.nan, 0.0, TARGET)) == 2


def test_a_failing_step_ends_it(quickstart: ModuleType) -> None:
    quickstart.step(sys.executable, "-c", "pass")
    with pytest.raises(SystemExit, match="step failed"):
        quickstart.step(sys.executable, "-c", "raise SystemExit(3)")


def test_threads_wait_in_steps_as_everywhere(
    quickstart: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mmeiou.threads says how; nothing is added to it."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    quickstart.step(sys.executable, "-c", "import os; assert 'OMP_WAIT_POLICY' not in os.environ")


def test_missing_packages_are_named_before_anything_runs(
    quickstart: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"mim": SimpleNamespace(), "skimage": None, "matplotlib": None}
    monkeypatch.setattr(quickstart, "find_spec", there.get)
    monkeypatch.setattr(quickstart, "step", pytest.fail)
    monkeypatch.setattr(sys, "argv", ["quickstart.py"])
    with pytest.raises(SystemExit, match=r"skimage, matplotlib: pip install 'mmeiou"):
        quickstart.main()


@pytest.mark.slow
def test_all_steps_on_a_tiny_set(repo: Path, tmp_path: Path) -> None:
    """One iteration: nothing is learnt, so that it must draw, say the AP, and fail."""
    sample = tmp_path / "faces"
    maker = repo / "tools" / "dataset_converters" / "make_sample_faces.py"
    make = [sys.executable, maker, sample, "--train", "4", "--val", "3"]
    subprocess.run(make, check=True, capture_output=True)
    options = [
        "train_cfg.max_epochs=1",
        "train_cfg.val_interval=1",
        "train_dataloader.batch_size=4",
    ]
    run = subprocess.run(
        [sys.executable, repo / "tools" / "quickstart.py", "--cfg-options", *options],
        cwd=tmp_path,
        env=os.environ | {"MMEIOU_SAMPLE_FACES": f"{sample}/", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1, run.stderr[-2000:]
    assert "quick start failed: AP on the validation part is 0." in run.stderr
    assert "expected 0.9" in run.stdout
    work_dir = tmp_path / "work_dirs" / "quickstart"
    assert cv2.imread(str(work_dir / "detections.png")).shape == (1024, 1536, 3)
    assert cv2.imread(str(work_dir / "curves.png")) is not None
