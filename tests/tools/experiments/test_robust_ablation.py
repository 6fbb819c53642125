"""Arms of the robust recipe: what each trains with, and one run from files to a table."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from tiny_faces import write_tiny_faces
from wider_files import write_ground_truth

from mmeiou.labels import read_labels

ROOT = Path(__file__).parents[3]
EXPERIMENTS = ROOT / "tools" / "experiments"
RELEASED = ROOT / "configs/yunet/yunet-n_2xb16-640e_widerface.py"
ROBUST = ROOT / "configs/yunet/yunet-n_robust_2xb16-640e_widerface.py"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    return importlib.import_module("robust_ablation")


def built(tool, arm, **options):
    values = {"seed": 0, "side": 64, "iters": 40, "lr": 0.01, "init": "", "options": ()} | options
    return tool.config(tool.ShortRun(arm, **values), Path("data"), Path("out"), 0)


def steps(cfg):
    return [dict(step) for step in cfg.train_dataloader.dataset.pipeline]


def test_an_arm_has_its_parts_alone(tool):
    base = built(tool, "base")
    types = {
        "rotation": ["mmeiou.RandomRotate"],
        "hsv": ["YOLOXHSVRandomAug"],
        "pixels": ["mmeiou.RandomCorruption"] * 4,
    }
    for arm, parts in tool.ARMS.items():
        cfg = built(tool, arm)
        assert bool(cfg.get("custom_hooks")) == ("ema" in parts)
        *former, pack = steps(base)
        *ours, last = steps(cfg)
        assert last == pack
        for index, part in ((2, "crops"), (3, "interpolation")):
            assert (ours[index] != former[index]) == (part in parts), arm
        added = [step["type"] for step in ours[len(former) :]]
        assert added == [name for part in types if part in parts for name in types[part]], arm
        for key in ("optim_wrapper", "param_scheduler", "train_cfg"):
            assert cfg[key] == base[key]


def test_the_shipped_config_is_what_was_kept(tool):
    shipped, released = (Config.fromfile(file) for file in (ROBUST, RELEASED))
    assert tool.pipeline_of(tool.KEPT) == shipped.train_pipeline
    assert tool.pipeline_of(()) == released.train_pipeline
    assert shipped.get("custom_hooks") == released.get("custom_hooks")


def test_faces_keep_the_scale_of_the_released_recipe(tool):
    crops = steps(built(tool, "base", side=640))[2]["crop_choice"]
    released = Config.fromfile(RELEASED).train_pipeline[2].crop_choice
    np.testing.assert_allclose(crops, np.array(released) * 1024 / 640)


def test_names_tell_runs_apart(tool, tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "best.pth").write_bytes(folder.encode())
    cell = tool.ShortRun("base", 0, 64, 40, 0.01, "", ())
    others = [
        tool.ShortRun("all", 0, 64, 40, 0.01, "", ()),
        tool.ShortRun("base", 1, 64, 40, 0.01, "", ()),
        tool.ShortRun("base", 0, 96, 40, 0.01, "", ()),
        tool.ShortRun("base", 0, 64, 41, 0.01, "", ()),
        tool.ShortRun("base", 0, 64, 40, 0.01, str(tmp_path / "a/best.pth"), ()),
        tool.ShortRun("base", 0, 64, 40, 0.01, str(tmp_path / "b/best.pth"), ()),
        tool.ShortRun("base", 0, 64, 40, 0.01, "", ("a=1",)),
    ]
    assert len({one.key() for one in (cell, *others)}) == 8


def test_gains_are_of_pairs(tool):
    common = {"side": "64", "iters": "9", "lr": "1", "init": "", "options": "", "device": "cpu"}
    rows = [
        {"arm": arm, "seed": seed, **common, **dict.fromkeys(tool.MEASURES, value)}
        for arm, values in (("rotation", ("0.2", "0.4")), ("base", ("0.1", "0.2")))
        for seed, value in zip("01", values, strict=True)
    ]
    lines = tool.summary(rows).splitlines()
    assert lines[0] == "9 steps of 16 crops of 64 pixels, from nothing, rate 1, cpu:"
    assert lines[4].startswith("| base | 2 | 15.00 ± 7.07 |  |")
    # 10 and 20; t of one degree of freedom: 12.706
    assert lines[5].startswith("| rotation | 2 | 30.00 ± 14.14 | +15.00 [-48.53, +78.53] |")


@pytest.fixture
def sets(tmp_path):
    """Tiny squares in WIDER FACE's layout with ground truth, and one with landmarks."""
    root = write_tiny_faces(tmp_path / "faces")
    labels = read_labels(root / "labelv2/val/labelv2.txt").images
    boxes = [image.bboxes[0] for image in labels]
    truth = {
        Path(image.file).with_suffix("").as_posix(): (
            [[*box[:2], *(box[2:] - box[:2])]],
            [[1], [1], [1]],
        )
        for image, box in zip(labels, boxes, strict=True)
    }
    write_ground_truth(root / "labelv2/val/gt", truth)
    images = root / "WIDER_val/images"
    for image in labels:  # the ground truth knows JPEGs alone
        pixels = cv2.imread(str(images / image.file))
        cv2.imwrite(str((images / image.file).with_suffix(".jpg")), pixels)
    faces = tmp_path / "landmarks"
    (faces / "images").mkdir(parents=True)
    cv2.imwrite(str(faces / "images/a.png"), pixels)
    names = ("right_eye", "left_eye", "nose", "right_mouth_corner", "left_mouth_corner")
    header = [
        "image",
        "x1",
        "y1",
        "x2",
        "y2",
        *(f"{name}_{axis}" for name in names for axis in "xy"),
    ]
    row = ["a.png", *boxes[-1], *labels[-1].keypoints[0, :, :2].ravel()]
    (faces / "landmarks.csv").write_text(f"{','.join(header)}\n{','.join(map(str, row))}\n")
    return root, faces


def test_a_run_is_trained_measured_and_not_run_again(sets, tmp_path):
    wider, faces = sets
    command = [sys.executable, EXPERIMENTS / "robust_ablation.py", wider]
    command += ["--arms", "all", "--seeds", "3", "--iters", "2", "--side", "64"]
    command += ["--out", tmp_path / "out", "--cfg-options", "model.test_cfg.score_thr=0.02"]
    measured = ["--landmarks", faces]
    trained, first, again = (
        subprocess.run(
            list(map(str, [*command, *option])), capture_output=True, text=True, check=False
        )
        for option in (["--train-only"], measured, measured)
    )
    assert trained.returncode == 0, trained.stdout + trained.stderr
    assert "1 runs, 0 of them done" in trained.stdout
    assert ": trained, " in trained.stdout
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 runs, 0 of them done" in first.stdout
    (log,) = (tmp_path / "out").glob("*/output.txt")
    assert "Iter(train)" not in log.read_text()  # not trained again
    assert "1 runs, 1 of them done" in again.stdout
    assert "| all | 1 |" in again.stdout
    with (tmp_path / "out/runs.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["arm"], row["seed"], row["iters"], row["device"]) == ("all", "3", "2", "cpu")
    assert {"easy", "hard", "nme", "found", "spoilt_hard", "rotation_nme"} <= set(row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--side", "100"), "--side 100: expected a multiple of 32"),
        (("--init", "no.pth"), "no.pth not found"),
        (("--landmarks", "nowhere"), "landmarks.csv not found"),
        (("--iters", "1"), "--iters must be at least 2"),
    ],
)
def test_what_is_missing_or_out_of_range_is_named(
    tool, sets, options, message, monkeypatch, capsys
):
    wider, faces = sets
    arguments = ["robust_ablation.py", str(wider), "--landmarks", str(faces), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert message in capsys.readouterr().err


def test_the_page_has_the_table_of_the_results(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repo / "tools/experiments"))
    import robust_ablation_table  # noqa: PLC0415

    assert robust_ablation_table.page() == (repo / "docs/robustness.md").read_text()
