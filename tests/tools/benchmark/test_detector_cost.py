"""The paired timing of detectors: its statistics, and that both sides have the same to do."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.config import Config
from thin_detectors import EIOU, SMALL, faster_rcnn

SIZE = (96, 64)


@pytest.fixture(scope="module")
def tool(repo: Path) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / "tools/benchmark"))
        import detector_cost  # noqa: PLC0415

        return detector_cost


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """MMDetection's head, and ours with the whole method."""
    folder = tmp_path_factory.mktemp("configs")
    eiou = {**EIOU, "loss_bbox": {"type": "mmeiou.EIoULoss", "sot": "prior", "_delete_": True}}
    for name, options in (("plain", {"type": "Shared2FCBBoxHead"}), ("full", eiou)):
        cfg = faster_rcnn(**options)
        cfg.model.backbone.init_cfg = {"type": "Pretrained", "checkpoint": "nowhere.pth"}
        cfg.dump(folder / f"{name}.py")
    return [folder / "plain.py", folder / "full.py"]


def test_ratio_is_that_of_the_pairs(tool: ModuleType) -> None:
    # A machine that slows down slows both: every pair says 1.1.
    assert tool.ratio_of([1.0, 2.0, 4.0], [1.1, 2.2, 4.4]) == pytest.approx((1.1, 1.1, 1.1))
    # One disturbed round of 21 moves neither the median nor the interval.
    found = tool.ratio_of([1.0] * 21, [1.1] * 20 + [9.0])
    assert found == pytest.approx((1.1, 1.1, 1.1))
    # Five of 0.9 and six of 1.1: either may be the median of another sample.
    assert tool.ratio_of([1.0] * 11, [0.9] * 5 + [1.1] * 6) == pytest.approx((1.1, 0.9, 1.1))


def test_rounds_swap_the_order(tool: ModuleType) -> None:
    log: list[str] = []
    ticks = iter(range(100))
    steps = [lambda: log.append("a"), lambda: log.append("b")]
    times = tool.paired_times(steps, 3, lambda: next(ticks))
    assert "".join(log) in {"abbaabba", "baabbaab"}
    assert times == [[1, 1, 1], [1, 1, 1]]


def test_both_have_the_same_to_do(tool: ModuleType, configs: list[Path]) -> None:
    models = [tool.build(config, "cpu") for config in configs]
    missing = models[1].load_state_dict(models[0].state_dict(), strict=False)
    assert {name.rsplit(".", 1)[0] for name in missing.missing_keys} == {
        "roi_head.bbox_head.fc_reg.iou"
    }
    data = tool.random_batch(SIZE, 2)
    tool.equalize_nms(models, data, 50)
    loads = [tool.load_of(model, tool.inference(model, data)) for model in models]
    assert loads[0] == loads[1]
    boxes = re.fullmatch(r"NMS of \d+ \+ \d+ \+ (\d+) \+ (\d+), \d+ RoIs", loads[0])
    assert int(boxes[1]) + int(boxes[2]) == 100

    before = [p.clone() for p in models[1].parameters()]
    for _ in range(2):  # the second would differ if the first had changed a weight
        loads = [tool.load_of(model, tool.training(model, data)) for model in models]
        assert loads[0] == loads[1]
        assert loads[0].endswith("RoIs")
    assert all(map(torch.equal, before, models[1].parameters()))


def test_table(
    tool: ModuleType,
    configs: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--size", *map(str, SIZE), "--rounds", "2", "--batch", "1", "--nms-boxes", "20"]
    monkeypatch.setattr(sys, "argv", ["tool", *map(str, configs), *options])
    tool.main()
    output = capsys.readouterr().out
    assert "full against plain" in output
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in output.splitlines()
        if re.match(r"\| [ti]", line)
    ]
    assert [row[0] for row in cells] == ["training iteration", "inference"]
    for _, baseline, other, ratio, interval, load, other_load in cells:
        assert load == other_load
        low, high = map(float, interval.split(" to "))
        assert low <= float(ratio) <= high
        assert min(float(baseline), float(other)) > 0


def test_one_stage_detectors(tool: ModuleType, tmp_path: Path) -> None:
    cfg = Config.fromstring("_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'", ".py")
    head = {"in_channels": 16, "feat_channels": 16, "num_classes": 3}
    backbone_and_neck = {key: SMALL[key] for key in ("backbone", "neck")}
    cfg.merge_from_dict({"model": {**backbone_and_neck, "bbox_head": head}})
    cfg.dump(tmp_path / "retina.py")
    model = tool.build(tmp_path / "retina.py", "cpu")
    data = tool.random_batch(SIZE, 2)
    tool.equalize_nms([model], data, 30)
    boxes = re.fullmatch(r"NMS of (\d+) \+ (\d+)", tool.load_of(model, tool.inference(model, data)))
    assert 40 < int(boxes[1]) + int(boxes[2]) <= 60, "more than equal scores explain"
    assert tool.load_of(model, tool.training(model, data)) == "no NMS"


def test_missing_config(tool: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"config not found: .*no\.py"):
        tool.build(tmp_path / "no.py", "cpu")
