"""The small VOC ladder from files to tables, on made-up pictures."""

import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[3]
EXPERIMENTS = ROOT / "tools" / "experiments"
sys.path.append(str(EXPERIMENTS))

BOX = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"


def write_voc(root: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    names = [f"{number:06d}" for number in range(count)]
    for name in names:
        height, width = (192, 256) if int(name) % 2 else (256, 160)
        image = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
        x, y = rng.integers(10, 60, 2)
        image[y : y + 90, x : x + 80] = 220
        cv2.imwrite(str(root / f"JPEGImages/{name}.jpg"), image)
        box = BOX.format(x + 0.25, y + 0.5, x + 80.25, y + 90.5)
        (root / f"Annotations/{name}.xml").write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height></size>"
            f"<object><name>car</name><difficult>0</difficult><bndbox>{box}</bndbox></object>"
            "</annotation>"
        )
    for split, chosen in (("trainval", names[:-4]), ("test", names[-4:])):
        (root / f"ImageSets/Main/{split}.txt").write_text("\n".join(chosen) + "\n")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Data and backbone weights, by the variables that the configs read."""
    folder = tmp_path_factory.mktemp("mini")
    write_voc(folder / "voc", 12)
    from mmdet.models import MobileNetV2  # noqa: PLC0415

    torch.manual_seed(0)
    torch.save(MobileNetV2(out_indices=(1, 2, 4, 6)).state_dict(), folder / "backbone.pth")
    return {
        "MMEIOU_VOC_256": f"{folder}/voc/",
        "MMEIOU_MOBILENET_V2": f"{folder}/backbone.pth",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def ladder(files, monkeypatch):
    for name, value in files.items():
        monkeypatch.setenv(name, value)
    return importlib.import_module("mini_voc07")


def run(script: str, *options: object) -> str:
    command = [sys.executable, EXPERIMENTS / script, *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("ladder")
def test_a_ladder_is_run_and_goes_on_where_it_was(tmp_path):
    options = ("--rungs", "smooth-l1", "--seeds", 0, "--epochs", 1, "--out", tmp_path)
    options += ("--keep-weights", "--cfg-options", "train_dataloader.batch_size=4")
    assert "1 runs, 0 of them done" in run("mini_voc07.py", *options)
    (row,) = rows(tmp_path / "runs.csv")
    assert (row["rung"], row["weight"], row["train_images"], row["test_images"]) == (
        ("smooth-l1", "1.0", "8", "4")
    )
    assert {"AP", "AP50", "AP90", "oLRP_Loc"} <= set(row)
    assert "1 runs, 1 of them done" in run("mini_voc07.py", *options)
    assert rows(tmp_path / "runs.csv") == [row]
    (tmp_path / "runs.csv").unlink()  # as where it was killed before the line was written
    assert "1 runs, 1 of them done" in run("mini_voc07.py", *options)
    assert rows(tmp_path / "runs.csv") == [row]

    (weights,) = tmp_path.glob("*/weights.pth")
    heads = ("--rungs", "smooth-l1", "eiou-sot-iou", "--epochs", 1, "--out", tmp_path)
    assert "1 runs, 1 of them done" in run("mini_voc07.py", *options)
    assert "features of 16 images" in run("mini_voc07_heads.py", "--trunk", weights, *heads)
    assert [row["rung"] for row in rows(tmp_path / "heads.csv")] == ["smooth-l1", "eiou-sot-iou"]
    again = ("--trunk", weights, "--variants", "--epochs", 1, "--out", tmp_path)
    run("mini_voc07_heads.py", *again)
    whole, *changed = rows(tmp_path / "heads.csv")[2:]
    assert (whole["rung"], whole["variant"]) == ("eiou-sot-iou", "")
    assert {row["rung"] for row in changed} == {"eiou-sot-iou"}
    variants = [row["variant"] for row in changed]
    assert {"knee shrinks", "iou by bce", "fusion 0.25"} <= set(variants)
    assert len(set(variants)) == len(variants) == 11
    assert len({row["config"] for row in changed if row["variant"] != "knee shrinks"}) == 10

    # Cut off behind the training: the heads that it left are judged, to the same numbers.
    assert "features of 16 images" not in run("mini_voc07_heads.py", *again)
    assert rows(tmp_path / "heads.csv")[14:] == [whole, *changed]

    base, whole = rows(tmp_path / "gradients.csv")
    assert float(base["weight"]) == 1
    assert 1 < float(whole["weight"]) < 100


def test_the_same_cell_gives_the_same_numbers(ladder, tmp_path):
    cell = ladder.Cell("eiou-sot-iou", 3, None, 4, 1, ("train_dataloader.batch_size=2",))
    found = []
    for name in ("first", "second"):
        ladder.run_cell(cell, "cpu", tmp_path / name)
        folder = tmp_path / name / cell.key()
        losses = json.loads((folder / "losses.json").read_text())
        arrays = dict(np.load(folder / "detections.npz"))
        found.append((losses, {key: value.tolist() for key, value in arrays.items()}))
    assert found[0] == found[1]


def test_a_name_stands_for_what_is_trained(ladder):
    cell = ladder.Cell("smooth-l1", 0, None, 0, None, ())
    others = [
        ladder.Cell("l1", 0, None, 0, None, ()),
        ladder.Cell("smooth-l1", 1, None, 0, None, ()),
        ladder.Cell("smooth-l1", 0, 2.0, 0, None, ()),
        ladder.Cell("smooth-l1", 0, None, 5, None, ()),
        ladder.Cell("smooth-l1", 0, None, 0, 3, ()),
    ]
    keys = {one.key() for one in (cell, *others)}
    assert len(keys) == 6
    assert ladder.Cell("smooth-l1", 0, 1.0, 0, 6, ()).key() == cell.key()  # the config's own


def test_detections_survive_their_file(ladder):
    found = {
        "image": np.array([0, 3]),
        "bboxes": np.array([[0.0, 1.234, 255.999, 256.0]] * 2),
        "scores": np.array([0.05, 1.0]),
        "labels": np.array([0, 19]),
    }
    kept = ladder.compact(found)
    assert {array.dtype for array in kept.values()} == {np.dtype("uint16")}
    np.testing.assert_allclose(kept["bboxes"] / 100, found["bboxes"], atol=0.005)
    np.testing.assert_allclose(kept["scores"] / 10000, found["scores"], atol=0.00005)


def test_flipped_boxes_follow_their_image(ladder):
    data = importlib.import_module("resident_data")
    cfg = ladder.Cell("l1", 0, None, 0, None, ()).config()
    loaded = data.load(cfg.train_dataloader.dataset, ladder.CANVAS)
    index = torch.arange(len(loaded))
    images, shapes, objects = data.batch(loaded, index, torch.ones(len(loaded)).bool())
    for image, shape, box, label in zip(
        images, shapes, objects.bboxes[:, 0], objects.labels[:, 0], strict=True
    ):
        assert label == 6  # car
        left, top, right, bottom = box.round().int().tolist()
        assert image[:, top + 2 : bottom - 2, left + 2 : right - 2].float().mean() > 200
        assert image[:, :, int(shape[1]) :].sum() == 0
        # The file says x + 0.25 to x + 80.25, counting from 1, of pixels x to x + 79 from 0.
        assert box[0] % 1 == pytest.approx(0.75)
        row = image.float().mean(dim=0)[(top + bottom) // 2]
        bright = (row > 150).nonzero()
        assert abs(float(bright[0]) - (float(box[0]) - 0.75)) <= 1
    inputs = data.normalized(images, shapes, _preprocessor(cfg))
    assert inputs[0, :, 0, -1].tolist() == [0, 0, 0]


def _preprocessor(cfg):
    from mmeiou.registry import MODELS  # noqa: PLC0415

    return MODELS.build(cfg.model.data_preprocessor)


@pytest.mark.usefixtures("ladder")
def test_the_page_shows_the_tables_of_the_results():
    table = importlib.import_module("mini_voc07_table")
    page = table.PAGE.read_text()
    for name, content in table.sections().items():
        assert table.replace_section(page, name, f"\n{content}\n", table.PAGE) == page


@pytest.mark.usefixtures("ladder")
def test_gains_are_of_pairs():
    table = importlib.import_module("mini_voc07_table")
    found = [
        {"rung": rung, "seed": seed, "weight": "1", **dict.fromkeys(table.SHOWN, ap)}
        for rung, aps in (("smooth-l1", "12"), ("eiou", "24"))
        for seed, ap in zip("01", aps, strict=True)
    ]
    lines = table.comparison(found).splitlines()
    assert "| smooth-l1 | 1 | 2 | 150.00 ± 70.71 |" in lines[2]
    assert "+150.00 [-485.31, +785.31]" in lines[3]  # t of one degree of freedom: 12.706


@pytest.mark.usefixtures("ladder")
def test_changes_of_a_loss_are_compared_with_it():
    table = importlib.import_module("mini_voc07_table")
    common = {"rung": "eiou-sot-iou", "seed": "0", "weight": "5", "trunk": "a"}
    found = [
        {**common, "variant": variant, **dict.fromkeys(table.SHOWN, ap)}
        for variant, ap in (("", "0.5"), ("knee 1", "0.25"), ("fusion 1", "0.125"))
    ]
    otherwise = {**found[0], "variant": "", "rung": "smooth-l1", "options": "a=1"}
    group, other = table.comparable([*found, otherwise])
    assert other == [otherwise]  # trained otherwise: not beside the first
    lines = table.comparison(group).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| eiou-sot-iou",
        "| knee 1",
        "| fusion 1",
    ]
    assert lines[3].count("-25.00") == len(table.SHOWN)


def test_mobilenets_weights_get_the_backbones_names():
    names = importlib.import_module("mobilenet_v2").renamed
    weights = {"features.0": torch.tensor(1), "features.1": torch.tensor(2)}
    assert names(weights, ["a"]) == {"a": torch.tensor(1)}
    with pytest.raises(ValueError, match="2 weights for 3 names"):
        names(weights, ["a", "b", "c"])


def test_heads_of_one_seed_begin_alike(ladder):
    training = importlib.import_module("head_training")
    configs = {
        rung: ladder.Cell(rung, 0, None, 0, None, ()).config().model.roi_head.bbox_head
        for rung in ("smooth-l1", "eiou", "eiou-sot-iou")
    }
    first, *others = (head.state_dict() for head in training.build_heads(configs, 5).values())
    for other in others:
        assert all(torch.equal(other[key], value) for key, value in first.items())
    again = training.build_heads(configs, 6)["eiou"].state_dict()
    assert not torch.equal(again["fc_cls.weight"], first["fc_cls.weight"])


def test_detectors_of_one_seed_begin_alike(ladder):
    training = importlib.import_module("resident_training")
    base, *others = (
        ladder.Cell(rung, 0, None, 0, None, ()).config()
        for rung in ("l1", "smooth-l1", "eiou-sot-iou")
    )
    first = training.build(base, ladder.CANVAS, 5, "cpu").model.state_dict()
    for cfg in others:
        other = training.build(cfg, ladder.CANVAS, 5, "cpu", base).model.state_dict()
        assert all(torch.equal(other[key], value) for key, value in first.items())
    again = training.build(base, ladder.CANVAS, 6, "cpu").model.state_dict()
    assert not torch.equal(again["rpn_head.rpn_conv.weight"], first["rpn_head.rpn_conv.weight"])


def test_parameters_of_equal_settings_are_updated_together(ladder):
    from mmengine.optim import build_optim_wrapper  # noqa: PLC0415

    training = importlib.import_module("resident_training")
    cfg = ladder.Cell("smooth-l1", 0, None, 0, None, ()).config()
    model = training.build(cfg, ladder.CANVAS, 0, "cpu").model
    plain = build_optim_wrapper(model, cfg.optim_wrapper).param_groups
    merged = training._optimizer(cfg, model).param_groups
    assert len(merged) < 6 < len(plain)

    def settings(groups):
        return {
            id(p): {key: value for key, value in group.items() if key != "params"}
            for group in groups
            for p in group["params"]
        }

    assert settings(merged) == settings(plain)


def test_a_weight_may_have_a_fraction(ladder, tmp_path):

    cfg = ladder.Cell("l1", 0, None, 0, None, ()).config()
    trunk = importlib.import_module("resident_training").build(cfg, ladder.CANVAS, 0, "cpu")
    torch.save(trunk.model.state_dict(), tmp_path / "trunk.pth")
    options = ("--trunk", tmp_path / "trunk.pth", "--rungs", "giou", "--epochs", 1)
    run("mini_voc07_heads.py", *options, "--weights", 2.5, "--out", tmp_path)
    assert [row["weight"] for row in rows(tmp_path / "heads.csv")] == ["2.5"]


def test_missing_files_are_named(ladder, monkeypatch):
    monkeypatch.setenv("MMEIOU_MOBILENET_V2", "/nowhere.pth")
    with pytest.raises(SystemExit, match=r"/nowhere.pth not found: .*mobilenet_v2.py writes it"):
        ladder.check_files()
    monkeypatch.setenv("MMEIOU_VOC_256", "/nowhere/")
    with pytest.raises(SystemExit, match=r"/nowhere/: no small VOC .*shrink_voc.py makes it"):
        ladder.check_files()


@pytest.mark.usefixtures("ladder")
def test_a_one_stage_detector_is_trained_and_its_weights_are_weighed(tmp_path):
    options = ("--detector", "retinanet", "--seeds", 0, "--epochs", 1, "--out", tmp_path)
    options += ("--keep-weights", "--cfg-options", "train_dataloader.batch_size=4")
    run("mini_voc07.py", "--rungs", "smooth-l1", *options)
    (row,) = rows(tmp_path / "runs.csv")
    assert (row["detector"], row["rung"], row["weight"]) == ("retinanet", "smooth-l1", "1.0")
    (weights,) = tmp_path.glob("retinanet_smooth-l1_seed0_*/weights.pth")
    run("mini_voc07_gradients.py", weights, "--out", tmp_path)
    found = {row["rung"]: float(row["weight"]) for row in rows(tmp_path / "gradients.csv")}
    assert list(found) == ["smooth-l1", "eiou-sot-iou", "eiou", "giou"]
    assert found["smooth-l1"] == 1
    assert all(0.1 < weight < 10 for weight in found.values())


def test_a_rung_without_a_config_is_named(ladder, monkeypatch, capsys):
    argv = ["mini_voc07.py", "--detector", "retinanet", "--rungs", "ciou"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit):
        ladder.parse_args()
    assert "retinanet has no config of ciou, but of smooth-l1, eiou-sot-iou" in (
        capsys.readouterr().err
    )
