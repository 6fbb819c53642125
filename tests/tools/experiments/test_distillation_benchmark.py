"""What the arms of tools/experiments/distillation.py train on, and what it says of their runs."""

import json
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from scipy.io import loadmat, savemat
from tiny_faces import write_tiny_faces
from wider_files import write_ground_truth

from mmeiou.labels import ImageLabels, LabelSet, read_labels
from mmeiou.labels.formats import coco
from mmeiou.labels.landmarks import FACE_LANDMARKS
from mmeiou.labels.pseudo import Rule, pseudo_labels

TEACHER = "configs/yunet/yunet-n_2xb16-640e_widerface.py"


@pytest.fixture
def tool(repo: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(repo / "tools/experiments"))
    import distillation  # noqa: PLC0415

    return distillation


def image(file: str, score: float) -> ImageLabels:
    box, points = np.array([[1.0, 2, 30, 40]]), np.ones((1, 5, 2))
    return pseudo_labels(
        file, (64, 48), box, np.array([score]), points, np.zeros(1, np.int64), Rule()
    )


FILES = [f"{index}.jpg" for index in range(8)]
KNOWN = LabelSet(Path("train.json"), [image(file, 0.9) for file in FILES], landmarks=FACE_LANDMARKS)
GUESSED = {file: image(file, 0.3) for file in FILES}


def cell(tool: ModuleType, arm: str, share: float, seed: int = 0) -> Any:
    return tool.Cell(arm, seed, 192, 10, 0.008, "", (), share, "")


@pytest.mark.parametrize(
    ("arm", "number"), [("labels", 2), ("pseudo", 8), ("distilled", 8), ("both", 8)]
)
def test_arms_differ_in_the_pictures_without_labels(
    tool: ModuleType, arm: str, number: int
) -> None:
    found = tool.training_labels(cell(tool, arm, 0.25), KNOWN, GUESSED)
    assert len(found) == number
    sure = [one.file for one in found.images if not one.ignore.any()]
    alone = tool.training_labels(cell(tool, "labels", 0.25), KNOWN, GUESSED)
    assert sure == [one.file for one in alone.images]  # the same labels in each arm
    others = [one.bboxes.tolist() for one in found.images if one.ignore.all()]
    guessed, unknown = [[[1, 2, 30, 40]]] * 6, [[[0, 0, 64, 48]]] * 6
    expected = {"labels": [], "pseudo": guessed, "distilled": unknown, "both": guessed}
    assert others == expected[arm]
    draws = {
        tuple(
            one.file
            for one in tool.training_labels(cell(tool, "labels", 0.25, seed), KNOWN, GUESSED).images
        )
        for seed in range(4)
    }
    assert len(draws) > 1


def test_two_arms_ask_the_teacher_in_each_step(tool: ModuleType, tmp_path: Path) -> None:
    (weights := tmp_path / "best.pth").touch()
    for arm in tool.ARMS:
        taught = replace(cell(tool, arm, 0.25), teacher=str(weights))
        teacher = tool.config(taught, tmp_path, tmp_path, Namespace(workers=0)).model.teacher
        assert (teacher is not None) == (arm in {"distilled", "both"})
        assert teacher is None or teacher.checkpoint == str(weights)


@pytest.fixture
def asked(tool: ModuleType, tmp_path: Path) -> Namespace:
    """For all arms."""
    teacher = tmp_path / "best.pth"
    teacher.write_bytes(b"one")
    args = Namespace(arms=tool.ARMS, shares=[1, 0.5, 0], seeds=[0, 1], teacher=teacher)
    args.side, args.iters, args.lr, args.init, args.cfg_options = 320, 9, None, "", []
    return args


def test_arms_that_would_be_equal_or_empty_are_left_out(tool: ModuleType, asked: Namespace) -> None:
    found = tool.cells(asked)
    assert [(one.share, one.arm) for one in found if one.seed == 0] == [
        (1, "labels"),
        (1, "distilled"),
        (0.5, "labels"),
        (0.5, "pseudo"),
        (0.5, "distilled"),
        (0.5, "both"),
        (0, "pseudo"),
        (0, "distilled"),
        (0, "both"),
    ]
    assert len({one.key() for one in found}) == 18
    assert {one.lr for one in found} == {0.008}


def test_runs_of_another_teacher_are_others(tool: ModuleType, asked: Namespace) -> None:
    first = [one.key() for one in tool.cells(asked)]
    asked.teacher.write_bytes(b"two")  # of the same name
    alike = {arm.arm for arm, key in zip(tool.cells(asked), first, strict=True) if arm.key() == key}
    assert alike == {"labels"}


def test_summary_pairs_the_seeds(tool: ModuleType, tmp_path: Path) -> None:
    """Arms and their seeds: 0.1 0.2 against 0.3 0.5, so +0.25 in the mean."""
    assert tool.collect(tmp_path) == []
    for arm, values in (("labels", [0.1, 0.2]), ("distilled", [0.3, 0.5])):
        for seed, value in enumerate(values):
            run = tmp_path / f"{arm}{seed}"
            run.mkdir()
            what = {"arm": arm, "share": 1.0, "seed": seed, "side": 192, "iters": 9, "lr": 0.1}
            measured = dict.fromkeys(tool.METRICS, value)
            row = {**what, "init": "", "options": "", **measured}
            (run / "run.json").write_text(json.dumps(row))
    text = tool.summary(tool.collect(tmp_path))
    first, second = text.splitlines()[-2:]
    assert "| 100% | distilled | 2 | 0.4000 ± 0.1414 |" in first
    assert "| +0.2500 [" in first
    assert "| 100% | labels | 2 | 0.1500 ± 0.0707 |" in second
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 5


def test_summary_keeps_teachers_apart(tool: ModuleType) -> None:
    """Both against the labels alone: 0.3 - 0.1 and 0.6 - 0.1."""
    common = {"share": "1", "seed": "0", "side": "192", "iters": "9", "lr": "0.1", "init": ""}
    rows = [
        {"arm": arm, "teacher": teacher, "options": "", **common, **dict.fromkeys(tool.METRICS, ap)}
        for arm, teacher, ap in (
            ("labels", "", "0.1"),
            ("distilled", "n.pth 12", "0.3"),
            ("distilled", "n.pth 34", "0.6"),
        )
    ]
    first, second = tool.summary(rows).splitlines()[-2:]
    assert "| distilled by n.pth 12 | 1 | 0.3000 |" in first
    assert "| +0.2000" in first
    assert "| distilled by n.pth 34 | 1 | 0.6000 |" in second
    assert "| +0.5000" in second


def test_the_page_has_the_table_of_the_results(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(repo / "tools/experiments"))
    import distillation_table  # noqa: PLC0415

    assert distillation_table.page() == (repo / "docs/distillation.md").read_text()


def test_faces_outside_hard_are_ignored(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(repo / "tools/experiments"))
    from hard_faces import hard_faces  # noqa: PLC0415

    # x y w h, and which of them are easy, medium, hard: the third is no larger than half a pixel.
    faces = [[10, 10, 9, 9], [40, 30, 5, 6], [50, 40, 0.5, 0.5], [0, 0, 3, 3]]
    truth = write_ground_truth(tmp_path / "labelv2/val/gt")
    mat = loadmat(truth / "wider_face_val.mat")
    mat["face_bbx_list"][1, 0][0, 0] = np.array(faces)
    savemat(truth / "wider_face_val.mat", {key: mat[key] for key in mat if key[0] != "_"})
    names = ("0--Parade/jpg.of.gpj", "0--Parade/no_face", "9--Press/one")
    lines = [f"# {name}.jpg {80 + index} 60" for index, name in enumerate(names)]
    (tmp_path / "labelv2/val/labelv2.txt").write_text("\n".join(lines) + "\n")

    labels = hard_faces(tmp_path)
    assert [(image.file, image.size) for image in labels.images] == [
        (f"{name}.jpg", (80 + index, 60)) for index, name in enumerate(names)
    ]
    # Of the last image the face 1 is hard.
    assert labels.images[2].bboxes.tolist() == [[10, 10, 19, 19], [40, 30, 45, 36], [0, 0, 3, 3]]
    assert labels.images[2].ignore.tolist() == [False, True, True]
    assert labels.images[2].keypoints.shape == (3, 5, 3)
    coco.write(labels, tmp_path / "val.json")
    written = read_labels(tmp_path / "val.json", "coco")
    assert [len(image) for image in written.images] == [2, 0, 3]


def test_a_run_is_of_a_small_wider_face(tool: ModuleType, repo: Path, tmp_path: Path) -> None:
    root = write_tiny_faces(tmp_path / "faces")
    images = read_labels(root / "labelv2/val/labelv2.txt").images
    boxes = {Path(image.file).with_suffix("").as_posix(): image.bboxes[0] for image in images}
    write_ground_truth(
        root / "labelv2/val/gt",
        {key: ([[*box[:2], *(box[2:] - box[:2])]], [[1]] * 3) for key, box in boxes.items()},
    )
    teacher = tmp_path / "teacher.pth"
    init_default_scope("mmdet")
    model = MODELS.build(Config.fromfile(repo / TEACHER).model)
    model.init_weights()
    torch.save({"state_dict": model.state_dict()}, teacher)
    command = [sys.executable, repo / "tools/experiments/distillation.py", root]
    command += [
        "--teacher",
        teacher,
        "--arms",
        "pseudo",
        "--shares",
        "0.5",
        "--seeds",
        "0",
        "--iters",
        "2",
    ]
    command += ["--side", "64", "--out", tmp_path / "out"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = tool.collect(tmp_path / "out")
    assert (row["arm"], row["images"], row["iters"]) == ("pseudo", "12", "2")
    assert row["teacher"] == tool.identity_of(str(teacher))
