"""tools/benchmark/iteration_cost.py counts an iteration, and the page shows what it counted."""

import importlib
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools" / "benchmark"))
    return importlib.import_module("iteration_cost")


def test_counts_grow_with_the_images(cost) -> None:
    name = "yunet/yunet-s_2xb16-640e_widerface.py"
    one, two = (cost.measured(cost.Recipe(name, (128, 128), n, 1)) for n in (1, 2))
    assert one["weights"] == 54608
    # 90.5 M multiply-adds at 320 x 320 (metafile.yml), two operations each.
    forward = 2 * 90.472e6 * (128 / 320) ** 2
    assert one["operations"] == pytest.approx(3 * forward, rel=0.05)  # MMEngine counts norms, too
    assert two["operations"] == pytest.approx(2 * one["operations"], rel=1e-3)
    assert two["kept_bytes"] == pytest.approx(2 * one["kept_bytes"], rel=0.1)


def test_keeps_at_least_the_input_of_each_convolution(cost) -> None:
    row = cost.measured(cost.Recipe("yunet/yunet-s_2xb16-640e_widerface.py", (128, 128), 1, 1))
    first = 4 * (3 * 128 * 128 + 16 * 64 * 64)  # the image, and what the first layer makes of it
    assert first < row["kept_bytes"] < 100 * first


def test_time_follows_from_the_operations(cost) -> None:
    row = {
        "config": "a/b.py",
        "width": 640,
        "height": 480,
        "images": 2,
        "iterations": 7200,
        "weights": 2**28,
        "operations": 5e12,
        "kept_bytes": 2**30,
    }
    line = cost.table([row]).splitlines()[-1]
    assert line == "| b | 2 of 640 x 480 | 5000 G | 4.0 | 0.500 | 7,200 | 1.0 |"


def test_the_page_shows_what_was_counted(cost) -> None:
    assert cost.table(cost.read()) in cost.PAGE.read_text()


def test_sizes_are_what_the_pipelines_make(cost) -> None:
    """The usual image of each set, resized as its config says and padded to a multiple of 32."""
    from mmdet.datasets.transforms import Resize  # noqa: PLC0415

    from mmeiou.config import read_config  # noqa: PLC0415

    usual = {"voc": (500, 375), "coco": (640, 427)}
    for recipe in cost.RECIPES:
        if not recipe.config.startswith("faster_rcnn"):
            continue
        cfg = read_config(ROOT / "configs" / recipe.config)
        (step,) = (s for s in cfg.train_pipeline if s["type"] == "Resize")
        width, height = usual["coco" if "coco" in recipe.config else "voc"]
        image = torch.zeros(height, width, 3, dtype=torch.uint8).numpy()
        resized = Resize(scale=step["scale"], keep_ratio=True)({"img": image})["img"]
        padded = tuple(-(-side // 32) * 32 for side in resized.shape[1::-1])
        assert recipe.size == padded, recipe.config
