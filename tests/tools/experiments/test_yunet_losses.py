"""Box losses of YuNet side by side: what differs, what does not, one run from files to a table."""

import csv
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from tiny_faces import write_tiny_faces
from wider_files import write_ground_truth

from mmeiou.labels import read_labels

EXPERIMENTS = Path(__file__).parents[3] / "tools" / "experiments"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    return importlib.import_module("yunet_losses")


def built(tool, rung, **options):
    values = {"seed": 0, "side": 64, "iters": 40, "lr": 0.01, "init": "", "options": ()} | options
    return tool.config(tool.ShortRun(rung, **values), Path("data"), Path("out"), 0)


def test_rungs_differ_in_the_loss_or_the_head_alone(tool):
    base = built(tool, "eiou").to_dict()
    base.pop("experiment_name")
    losses = [base["model"]["bbox_head"].pop("loss_bbox")]
    base["model"]["bbox_head"].pop("type")
    base["optim_wrapper"].pop("type")
    for rung in set(tool.RUNGS) - {"eiou"}:
        cfg = built(tool, rung).to_dict()
        assert cfg.pop("experiment_name").startswith(f"{rung}_seed0_")
        head = cfg["model"]["bbox_head"]
        losses += [head.pop("loss_bbox")]
        expected = "mmeiou.YuNetIoUHead" if rung == "eiou-iou-head" else "mmeiou.YuNetHead"
        assert head.pop("type") == expected
        precise = rung != "eiou-bfloat16"
        wrapper = cfg["optim_wrapper"].pop("type")
        assert wrapper == ("OptimWrapper" if precise else "mmeiou.BFloat16OptimWrapper")
        assert cfg == base
    # The IoU branch keeps EIoU, as lower precision does.
    assert sum(loss == losses[0] for loss in losses) == 3
    assert len({str(sorted(loss.items())) for loss in losses}) == 5


def drawing_first(number, then):
    torch.rand(number)
    then()


def test_rungs_of_a_seed_begin_with_the_same_weights(tool, monkeypatch):
    init_default_scope("mmdet")
    base = built(tool, "eiou").model
    begun = {}
    for rung in ("eiou", "eiou-iou-head", "giou"):
        for seed in (0, 1):
            model = MODELS.build(built(tool, rung).model)
            torch.rand(len(begun))  # whatever was drawn before,
            # and what a rung draws before the layers that all have
            first = functools.partial(drawing_first, len(begun), model.init_weights)
            monkeypatch.setattr(model, "init_weights", first)
            tool.begin_alike(model, base, seed)
            begun[rung, seed] = model.state_dict()
            assert model._is_init  # or the runner would draw anew
    for (rung, seed), weights in begun.items():
        for name, value in begun["eiou", seed].items():
            assert torch.equal(weights[name], value), (rung, name)
    first, second = (begun["eiou", seed]["backbone.model0.conv1.weight"] for seed in (0, 1))
    assert not torch.equal(first, second)
    extra = begun["eiou-iou-head", 0].keys() - begun["eiou", 0].keys()
    assert extra
    assert all("multi_level_iou" in name for name in extra)


def test_the_shipped_prior_prob_stays_where_weights_are_given(tool, tmp_path):
    weights = tmp_path / "yunet_n.pth"
    weights.write_bytes(b"")
    assert built(tool, "iou").model.bbox_head.prior_prob == 0.01
    assert "prior_prob" not in built(tool, "iou", init=str(weights)).model.bbox_head


@pytest.fixture
def faces(tmp_path):
    """Tiny squares in WIDER FACE's layout with ground truth."""
    root = write_tiny_faces(tmp_path / "faces")
    labels = read_labels(root / "labelv2/val/labelv2.txt").images
    truth = {}
    for image in labels:
        x1, y1, x2, y2 = image.bboxes[0]
        key = Path(image.file).with_suffix("").as_posix()
        truth[key] = ([[x1, y1, x2 - x1, y2 - y1]], [[1], [1], [1]])
    write_ground_truth(root / "labelv2/val/gt", truth)
    return root


def test_a_run_is_trained_measured_and_not_run_again(faces, tmp_path):
    command = [sys.executable, EXPERIMENTS / "yunet_losses.py", faces, "--rungs", "eiou-iou-head"]
    command += ["--seeds", "3", "--iters", "2", "--side", "64", "--out", tmp_path / "out"]
    first, again = (
        subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        for _ in range(2)
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 runs, 0 of them done" in first.stdout
    assert "1 runs, 1 of them done" in again.stdout
    assert "| eiou-iou-head | 1 |" in again.stdout
    with (tmp_path / "out/runs.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["arm"], row["seed"], row["iters"], row["device"]) == (
        "eiou-iou-head",
        "3",
        "2",
        "cpu",
    )
    assert {"easy", "medium", "hard", "hard_60", "hard_75", "hard_90"} <= set(row)


def test_gradients_grow_with_the_weight_and_are_of_the_boxes(tool, faces, tmp_path, monkeypatch):
    gradients = importlib.import_module("yunet_loss_gradients")
    init_default_scope("mmdet")
    torch.manual_seed(0)
    model = MODELS.build(built(tool, "eiou").model)
    model.init_weights()
    weights = tmp_path / "weights.pth"
    torch.save({"state_dict": model.state_dict()}, weights)
    rung = tool.Rung(tool.SHIPPED, {"type": "IoULoss", "mode": "linear", "loss_weight": 2.0})
    double = tool.Rung(rung.config, {**rung.loss, "loss_weight": 4.0})
    rungs = {tool.BASE: tool.RUNGS[tool.BASE], "iou": rung, "double": double}
    for module in (tool, gradients):
        monkeypatch.setattr(module, "RUNGS", rungs)
    norms = gradients.gradient_norms(faces, weights, 64, 3)
    assert [len(found) for found in norms.values()] == [3, 3, 3]
    np.testing.assert_allclose(norms["double"], np.multiply(2, norms["iou"]), rtol=1e-5)
    assert min(norms["iou"]) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--side", "100"), "--side 100: expected a multiple of 32"),
        (("--init", "no.pth"), "no.pth not found"),
        (("--iters", "1"), "--iters must be at least 2"),
    ],
)
def test_what_is_missing_or_out_of_range_is_named(
    tool, faces, options, message, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["yunet_losses.py", str(faces), *options])
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_small_set_is_named(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["yunet_losses.py", str(tmp_path)])
    with pytest.raises(SystemExit):
        tool.parse_args()
    assert f"{tmp_path}/labelv2/train/labelv2.txt not found" in capsys.readouterr().err


@pytest.mark.usefixtures("tool")
def test_the_page_has_the_tables_of_the_results():
    table = importlib.import_module("yunet_losses_table")
    assert table.page() == table.PAGE.read_text()


def test_the_figure_has_a_panel_for_each_budget(tool, tmp_path):
    table = importlib.import_module("yunet_losses_table")
    common = {"side": "64", "lr": "0.1", "init": "", "options": "", "device": "cpu"}
    rows = [
        {"arm": rung, "seed": seed, "iters": iters, **common, **dict.fromkeys(tool.MEASURES, ap)}
        for rung, ap in (("eiou", "0.2"), ("giou", "0.3"))
        for seed, iters in (("0", "8"), ("1", "8"), ("0", "9"))  # of the last there is one pair
    ]
    sizes = []
    for number in (4, 6):
        chosen = [row for row in rows if row["iters"] == "8"] if number == 4 else rows
        table.draw(chosen, tmp_path / "gains.png")
        sizes.append(cv2.imread(str(tmp_path / "gains.png")).shape)
    assert sizes[1][1] == 2 * sizes[0][1]
