"""tools/analysis/collect_results.py: from work folders to tables and metafiles."""

import json
from pathlib import Path

import pytest
import yaml

LADDER = "faster-rcnn_r50_fpn_{}_8xb2-1x_voc07"
YUNET = "yunet-n_2xb16-640e_widerface"


def write_run(folder: Path, config: str, seed: int | None, metrics: dict[str, float]) -> Path:
    log = folder / "20260101_000000" / "vis_data" / "scalars.json"
    log.parent.mkdir(parents=True)
    randomness = "" if seed is None else f"randomness = dict(deterministic=False, seed={seed})\n"
    # What a program in it would do, it must not.
    (folder / f"{config}.py").write_text(f"{randomness}raise SystemExit('run')\n")
    lines = [
        {"loss": 2.0, "iter": 10, "time": 0.5, "memory": 2048},
        {"loss": 1.0, "iter": 20, "time": 0.25, "memory": 3072},
        {"loss": 1.0, "iter": 30, "time": 0.25, "memory": 3072},
        dict.fromkeys(metrics, 0.01) | {"step": 1},
        metrics | {"step": 2},
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def ladder(tmp_path: Path) -> list[Path]:
    """Two losses, three seeds; the second is better by 1, 2 and 3 points of AP."""
    return [
        write_run(
            tmp_path / f"{rung}_{seed}",
            LADDER.format(rung),
            seed,
            {"voc/AP": 0.40 + 0.01 * gain * (seed + 1), "voc/AP90": 0.1 * seed},
        )
        for rung, gain in (("smooth-l1", 0), ("eiou-sot-iou", 1))
        for seed in (0, 1, 2)
    ]


def test_losses_are_compared_by_pairs_of_seeds(run_tool, ladder) -> None:
    printed = run_tool("collect_results", *reversed(ladder))
    base, whole = (
        next(line for line in printed.splitlines() if line.startswith(f"| {rung} |"))
        for rung in ("smooth-l1", "eiou-sot-iou")
    )
    assert "faster-rcnn_r50_fpn_*_8xb2-1x_voc07" in printed
    assert "| 3 | 40.00 ± 0.00 | 10.00 ± 10.00 |" in base
    # t of 95 % with 2 degrees of freedom is 4.303: 2 +- 4.303 / sqrt(3)
    assert "| 3 | 42.00 ± 1.00 | 10.00 ± 10.00 | +2.00 [-0.48, +4.48] |" in whole
    assert whole.endswith("| +4.2 | +8.2 | 0.250 | 3.0 |")  # the paper's abstract
    assert base.endswith("|  |  |  |  | 0.250 | 3.0 |")


def test_without_seeds_means_are_compared(run_tool, tmp_path) -> None:
    runs = [
        write_run(tmp_path / rung, LADDER.format(rung), None, {"voc/AP": value})
        for rung, value in (("smooth-l1", 0.4), ("giou", 0.5))
    ]
    assert "| +10.00, unpaired |" in run_tool("collect_results", *runs)


def test_names_of_coco_are_those_of_voc(run_tool, import_tool, tmp_path) -> None:
    config = LADDER.replace("voc07", "coco")
    runs = [
        write_run(
            tmp_path / rung,
            config.format(rung),
            0,
            {"coco/bbox_mAP": ap, "coco/bbox_mAP_90": ap / 4, "coco/bbox_mAP_s": 0.9},
        )
        for rung, ap in (("smooth-l1", 0.4), ("eiou-sot-iou", 0.44))
    ]
    printed = run_tool("collect_results", *runs)
    assert "| loss | runs | AP | AP90 | AP, gain | AP90, gain | AP, published gain |" in printed
    assert "| 1 | 44.00 | 11.00 | +4.00 | +1.00 |" in printed
    tool = import_tool("collect_results")
    both = write_run(tmp_path / "both", YUNET, 0, {"coco/bbox_mAP": 0.4, "WIDERFace/AP": 0.8})
    assert tool.values([tool.read_run(both)], "AP") == [80]
    assert tool._entry([tool.read_run(runs[0])])["Metrics"] == {"AP": 0.4, "AP90": 0.1}


def test_one_seed_twice_is_refused(run_tool, tmp_path) -> None:
    runs = [write_run(tmp_path / name, LADDER.format("giou"), 5, {"voc/AP": 0.4}) for name in "ab"]
    with pytest.raises(SystemExit, match=r"a and .*b are .*giou.* with seed 5, both"):
        run_tool("collect_results", *runs)


def test_folders_of_something_else_are_named(run_tool, tmp_path) -> None:
    with pytest.raises(SystemExit, match="no work folder of one training: it has 0 configs"):
        run_tool("collect_results", tmp_path)
    run = write_run(tmp_path / "run", YUNET, 0, {})
    with pytest.raises(SystemExit, match="no validation in its log; did training finish"):
        run_tool("collect_results", run)


def test_metafiles_take_means_in_place_of_older_ones(import_tool, tmp_path, repo) -> None:
    tool = import_tool("collect_results")
    path = repo / "configs/yunet/metafile.yml"
    text = path.read_text()
    new = text
    for easy in (0.5, 0.75):
        folder = tmp_path / str(easy)
        metrics = {f"WIDERFace/{name}": easy for name in ("easy", "medium", "hard")}
        run = tool.read_run(write_run(folder, YUNET, None, metrics))
        new = tool.noted(new, YUNET, tool._entry([run]), path)
    changed = [line for line in new.splitlines() if line not in text.splitlines()]
    assert changed == [
        "        Runs: 1",
        "        Metrics: {easy: 0.75, medium: 0.75, hard: 0.75}",
        "        Source: collected by tools/analysis/collect_results.py",
    ]
    before, after = (yaml.safe_load(content)["Models"] for content in (text, new))
    assert [m for m in after if m["Name"] != YUNET] == [m for m in before if m["Name"] != YUNET]
    (model,) = (model for model in after if model["Name"] == YUNET)
    (old,) = (model for model in before if model["Name"] == YUNET)
    assert model["Results"][:-1] == old["Results"]


def test_a_model_without_results_gets_them(import_tool, tmp_path, repo) -> None:
    tool = import_tool("collect_results")
    path = repo / "configs/faster_rcnn/metafile.yml"
    config = LADDER.format("giou")
    run = tool.read_run(write_run(tmp_path / "run", config, 0, {"voc/AP": 0.4321, "voc/AP50": 0.5}))
    new = tool.noted(path.read_text(), config, tool._entry([run]), path)
    (model,) = (m for m in yaml.safe_load(new)["Models"] if m["Name"] == config)
    assert model["Results"] == [
        {
            "Task": "Object Detection",
            "Dataset": "VOC2007 test",
            "Runs": 1,
            "Metrics": {"AP": 0.4321, "AP50": 0.5},
            "Source": "collected by tools/analysis/collect_results.py",
        }
    ]
    with pytest.raises(ValueError, match="no model nothing"):
        tool.noted(path.read_text(), "nothing", tool._entry([run]), path)


def test_configs_that_are_not_ours_are_not_noted(import_tool) -> None:
    with pytest.raises(ValueError, match="mine: not a config of"):
        import_tool("collect_results").metafile_of("mine")
