"""The loss ladder: its configs, its verdicts, and whole runs of a few iterations."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from mmengine.config import Config

CLASSES = ("cat", "dog")
OBJECT = "<object><name>{}</name><difficult>0</difficult><bndbox>{}</bndbox></object>"


@pytest.fixture(scope="module")
def ladder(repo: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools" / "experiments"))
        import loss_ladder  # noqa: PLC0415

        yield loss_ladder


@pytest.fixture
def good() -> dict[str, object]:
    aps = dict.fromkeys(("AP", "AP50", "AP90"), 0.5)
    return {
        "name": "eiou",
        "first_loss": 2.0,
        "last_loss": 1.0,
        "same_after_reload": True,
        "num_compared": 7,
        "seconds_per_iter": 0.25,
        "aps": {"train": aps, "val": aps | {"AP90": 0.125}},
        "metrics": {},
    }


def test_every_rung_has_a_config_for_each_data_set(ladder: ModuleType) -> None:
    paths = {ladder.config_of(rung, name) for rung in ladder.RUNGS for name in ladder.DATASETS}
    assert len(paths) == 27
    assert all(path.is_file() for path in paths)


def test_verdicts(ladder: ModuleType, good: dict[str, object]) -> None:
    assert ladder.RunResult(**good).problems() == []
    for last in (2.0, math.nan, math.inf):
        (problem,) = ladder.RunResult(**good | {"last_loss": last}).problems()
        assert "did not fall" in problem
    (problem,) = ladder.RunResult(**good | {"same_after_reload": False}).problems()
    assert "other predictions" in problem
    (problem,) = ladder.RunResult(**good | {"num_compared": 0}).problems()
    assert "nothing was compared" in problem


def test_table(ladder: ModuleType, good: dict[str, object]) -> None:
    head, rule, train, val = ladder.table([ladder.RunResult(**good)]).splitlines()
    assert head.count("|") == rule.count("|") == train.count("|") == 8
    assert val == "| eiou | 2.000 to 1.000 | val | 0.5000 | 0.5000 | 0.1250 | 0.25 |"


@pytest.mark.usefixtures("ladder")
def test_only_strict_metrics_are_read() -> None:
    from ladder_run import strict_aps  # noqa: PLC0415 - found through the fixture

    numbers = {"AP": 0.5, "AP50": 0.9, "AP60": 0.8, "AP70": 0.7, "AP75": 0.6, "AP80": 0.4}
    numbers |= {"AP90": 0.1}
    voc = {f"voc/{name}": ap for name, ap in numbers.items()}
    coco = {"coco/bbox_mAP": 0.5} | {
        f"coco/bbox_mAP_{name[2:]}": ap for name, ap in numbers.items() if name != "AP"
    }
    assert strict_aps(voc | {"voc/AP50_11p": 0.0}) == strict_aps(coco) == numbers
    with pytest.raises(KeyError, match="CocoStrictMetric"):
        strict_aps({"coco/bbox_mAP": 0.5})


def test_short_config_reaches_the_files_inside_a_mosaic(ladder: ModuleType, repo: Path) -> None:
    from short_config import short_config  # noqa: PLC0415 - found through the fixture

    path = repo / "configs" / "yolox" / "yolox_tiny_eiou_8xb8-300e_coco.py"
    options = ladder.RunOptions(iters=40, size=96, cfg_options={"optim_wrapper.clip_grad": None})
    cfg = short_config(Config.fromfile(path), options)
    assert cfg.train_dataloader.dataset.type == "CocoDataset"
    resize = cfg.train_dataloader.dataset.pipeline[2]
    assert resize.scale == (96, 96)
    assert cfg.param_scheduler[-1].end == 40
    assert cfg.optim_wrapper.clip_grad is None
    assert "batch_augments" not in cfg.model.data_preprocessor


def write_voc(root: Path) -> Path:
    """Two classes of plain rectangles, three images to train on and two to evaluate on."""
    rng = np.random.default_rng(0)
    folders = [root / "VOC2007" / name for name in ("JPEGImages", "Annotations", "ImageSets/Main")]
    for folder in folders:
        folder.mkdir(parents=True)
    images, annotations, splits = folders
    for number in range(5):
        picture = rng.integers(0, 60, (80, 96, 3)).astype(np.uint8)
        objects = []
        for label, name in enumerate(CLASSES):
            x, y = rng.integers(2, 20, 2)
            y += 30 * label
            picture[y : y + 25, x : x + 40] = 255 if label else (0, 0, 255)
            corners = zip(("xmin", "ymin", "xmax", "ymax"), (x, y, x + 40, y + 25), strict=True)
            tags = "".join(f"<{key}>{value + 1}</{key}>" for key, value in corners)
            objects.append(OBJECT.format(name, tags))
        cv2.imwrite(str(images / f"{number}.jpg"), picture)
        size = "<size><width>96</width><height>80</height></size>"
        text = f"<annotation>{size}{''.join(objects)}</annotation>"
        (annotations / f"{number}.xml").write_text(text)
    (splits / "trainval.txt").write_text("0\n1\n2\n")
    (splits / "test.txt").write_text("3\n4\n")
    return root


@pytest.mark.slow
def test_full_method_by_one_command(repo: Path, tmp_path: Path) -> None:
    root = write_voc(tmp_path / "VOCdevkit")
    tool = repo / "tools" / "experiments" / "loss_ladder.py"
    arguments = "--rungs eiou-sot-iou --iters 20 --size 96 --batch-size 2 --device cpu --out out"
    done = subprocess.run(
        [sys.executable, tool, *arguments.split()],
        cwd=tmp_path,
        env=os.environ | {"MMEIOU_VOC": f"{root}/", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "iteration 20 of 20, loss" in done.stdout
    report = json.loads((tmp_path / "out" / "ladder.json").read_text())
    (result,) = report["results"]
    assert report["options"]["iters"] == 20
    assert result["same_after_reload"]
    assert result["num_compared"] > 0
    assert result["last_loss"] < result["first_loss"]
    assert set(result["metrics"]) == {"train", "val"}
    assert result["metrics"]["val"]["voc/AP50"] == result["aps"]["val"]["AP50"]
    assert (tmp_path / "out" / "ladder.md").read_text() in done.stdout
    assert (tmp_path / "out" / result["name"] / "iter_20.pth").is_file()


@pytest.mark.slow
def test_a_one_stage_family_on_real_coco_images(
    ladder: ModuleType,
    repo: Path,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MMEIOU_COCO", f"{shared_data}/coco/")
    path = repo / "configs" / "retinanet" / "retinanet_r50_fpn_eiou-sot-iou_8xb2-1x_coco.py"
    options = ladder.RunOptions(iters=4, size=96, splits=("val",))
    result = ladder.run(path, options, tmp_path)
    assert result.same_after_reload
    assert math.isfinite(result.last_loss)
    assert set(result.aps["val"]) == {"AP", "AP50", "AP60", "AP70", "AP75", "AP80", "AP90"}
